"""The regions of a sandbox: read from their folders, imported over an agency's RPCs."""

import datetime as dt
import uuid
from collections.abc import Iterable

import grpc

from yibao.common.v1.date_pb2 import Date
from yibao.errors import error_of
from yibao.settlement.v1 import catalogue_service_pb2 as catalogue_pb
from yibao.settlement.v1 import institution_service_pb2 as institution_pb
from yibao.settlement.v1 import policy_service_pb2 as policy_pb
from yibao.settlement.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from yibao.settlement.v1.institution_pb2 import InstitutionScope
from yibao.settlement.v1.institution_service_pb2_grpc import InstitutionServiceStub
from yibao.settlement.v1.policy_service_pb2_grpc import PolicyServiceStub
from yibao_cli.parties import parties_of
from yibao_cli.regions import CatalogueItem, Institution, Region, load_region, regions_folder
from yibao_cli.stack import Stack
from yibao_common.process.config import StartError
from yibao_common.rpc.wire import from_date
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.care_type import is_stay

# Far more than any of these calls takes on a loaded machine.
CALL_SECONDS = 20.0


def read_regions() -> list[Region]:
    """Returns the regions that come with the program, by their numbers.

    Raises:
        RuleError: POLICY_FILE_INVALID; see `load_region`.
    """
    folders = (path for path in sorted(regions_folder().iterdir()) if path.is_dir())
    return [load_region(path) for path in folders]


def published_stays() -> list[Region]:
    """Returns the regions whose bill is a published one of a stay, which the demo walks.

    Raises:
        RuleError: POLICY_FILE_INVALID; see `load_region`.
    """
    return [
        region
        for region in read_regions()
        if region.sample_bill.is_published and is_stay(region.sample_bill.care_type)
    ]


def import_region(stack: Stack, region: Region) -> None:
    """Imports catalogue and institutions and puts the policy in force, by two operators.

    May be repeated: what is stored already is replaced by the same.

    Raises:
        grpc.RpcError: settlement refused it.
        StartError: settlement refused a row.
    """
    parties = parties_of(region)
    catalogue = CatalogueServiceStub(stack.channel("settlement", parties.maker))
    items = catalogue.ImportCatalogueItems(
        catalogue_pb.ImportCatalogueItemsRequest(
            request_id=new_request_id(),
            region=region.region,
            items=[_item(item) for item in region.items],
        ),
        timeout=CALL_SECONDS,
    )
    _check_stored("catalogue.yaml", items.results)
    institutions = catalogue.ImportInstitutions(
        catalogue_pb.ImportInstitutionsRequest(
            request_id=new_request_id(),
            region=region.region,
            items=[_institution(each) for each in region.institutions],
        ),
        timeout=CALL_SECONDS,
    )
    _check_stored("institutions.yaml", institutions.results)
    _network(stack, region)
    _put_in_force(stack, region)


def _network(stack: Stack, region: Region) -> None:
    """Has the region's institutions take persons of the sandbox's other regions."""
    registry = InstitutionServiceStub(stack.channel("settlement", parties_of(region).maker))
    registry.ImportInstitutionScopes(
        institution_pb.ImportInstitutionScopesRequest(
            request_id=new_request_id(),
            region=region.region,
            items=[
                InstitutionScope(
                    institution_id=each.institution_id,
                    start_date=from_date(each.start_date),
                    institution_kind="2" if each.institution_id.startswith("P") else "1",
                    is_offsite_networked=True,
                    ecert_supported=each.ecert_supported,
                )
                for each in region.institutions
            ],
        ),
        timeout=CALL_SECONDS,
    )


def new_request_id() -> str:
    """Returns an id for a changing request."""
    return str(uuid.uuid4())


def _check_stored(file: str, results: Iterable[catalogue_pb.ImportResult]) -> None:
    for row, result in enumerate(results, 1):
        if result.HasField("error"):
            raise StartError(f"{file}: row {row} is refused: {result.error.message}")


def _put_in_force(stack: Stack, region: Region) -> None:
    parties = parties_of(region)
    maker = PolicyServiceStub(stack.channel("settlement", parties.maker))
    submitted = maker.SubmitPolicy(
        policy_pb.SubmitPolicyRequest(
            request_id=new_request_id(), region=region.region, policy_file=region.policy_file
        ),
        timeout=CALL_SECONDS,
    ).policy
    if submitted.state == policy_pb.POLICY_STATE_ACTIVE:
        return
    checker = PolicyServiceStub(stack.channel("settlement", parties.checker))
    try:
        checker.ApprovePolicy(
            policy_pb.ApprovePolicyRequest(
                request_id=new_request_id(),
                region=region.region,
                policy_version=submitted.policy_version,
            ),
            timeout=CALL_SECONDS,
        )
    except grpc.RpcError as error:
        # Data of an older program have its policy in force for these days: that one stays.
        if error_of(error).reason != Reason.POLICY_OVERLAP.wire_name:
            raise


def _item(item: CatalogueItem) -> catalogue_pb.CatalogueItem:
    return catalogue_pb.CatalogueItem(
        item_code=item.item_code,
        item_name=item.item_name,
        catalogue_class=item.catalogue_class,
        first_self_pay_ratio_ppm=item.first_self_pay_ratio_ppm,
        price_ceiling=item.price_ceiling,
        level_price_ceilings=[
            catalogue_pb.LevelPriceCeiling(
                institution_levels=each.institution_levels, price_ceiling=each.price_ceiling
            )
            for each in item.level_price_ceilings
        ],
        item_group=item.item_group,
        is_limited_use=item.is_limited_use,
        start_date=from_date(item.start_date),
        end_date=_optional(item.end_date),
    )


def _institution(institution: Institution) -> catalogue_pb.Institution:
    return catalogue_pb.Institution(
        institution_id=institution.institution_id,
        institution_name=institution.institution_name,
        institution_level=institution.institution_level,
        ecert_supported=institution.ecert_supported,
        start_date=from_date(institution.start_date),
        end_date=_optional(institution.end_date),
    )


def _optional(day: dt.date | None) -> Date | None:
    return None if day is None else from_date(day)
