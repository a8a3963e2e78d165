"""The regions in which examples take place: items, institutions and policies, over their calls.

Each example has an insurance type of its own, so that its policy is in force beside those of
all others. Institutions are those of the examples, a level each; those of the second region are
networked for persons of elsewhere, and for these alone.
"""

import datetime as dt
import re
from collections.abc import Sequence

from support.both_services import CALL_SECONDS
from support.examples_told.elsewhere import region_of
from support.examples_told.history import Example, ToldBill
from support.examples_told.prices import catalogue_of
from support.examples_told.running import CHECKER, MAKER, PLACE, PLACE_MAKER, REGION, Running

from yibao.settlement.v1 import catalogue_service_pb2 as pb
from yibao.settlement.v1 import institution_pb2
from yibao.settlement.v1 import institution_service_pb2 as institution_pb
from yibao.settlement.v1 import policy_service_pb2 as policy_pb
from yibao.settlement.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from yibao.settlement.v1.institution_service_pb2_grpc import InstitutionServiceStub
from yibao.settlement.v1.policy_service_pb2_grpc import PolicyServiceStub
from yibao_common.rpc.wire import from_date
from yibao_common.values.ids import new_id

_LONG_AGO = dt.date(2000, 1, 1)
_FIRST_TYPE = 400


class Places:
    """Under which insurance type and at which institutions examples take place."""

    def __init__(self, examples: Sequence[Example]) -> None:
        """Takes all examples that the services run for."""
        self._types = {each.name: str(_FIRST_TYPE + n) for n, each in enumerate(examples)}
        places = sorted({_place(bill) for example in examples for bill in example.bills})
        self._ids = {place: f"{place[0]}{place[1]}{n:05d}" for n, place in enumerate(places, 1)}

    @property
    def levels(self) -> dict[str, str]:
        """The level of each institution, by its id."""
        return self.levels_in(REGION) | self.levels_in(PLACE)

    def levels_in(self, region: str) -> dict[str, str]:
        """Returns the level of each institution of a region, by its id."""
        return {its_id: place[-1] for place, its_id in self._ids.items() if place[1] == region}

    def insurance_type(self, example: Example) -> str:
        """Returns the insurance type of an example."""
        return self._types[example.name]

    def institution_id(self, bill: ToldBill) -> str:
        """Returns where a bill is charged."""
        return self._ids[_place(bill)]

    def policy_file(self, example: Example) -> bytes:
        """Returns the policy of an example, which is this region's."""
        text = example.policy_file.decode()
        head = {"region": REGION, "insurance_type": self.insurance_type(example)}
        for key, value in head.items():
            text, count = re.subn(rf"(?m)^{key}: .*$", f'{key}: "{value}"', text)
            assert count == 1, f"{example.name}: {key}"
        return text.encode()


def prepare(running: Running, places: Places, examples: Sequence[Example]) -> None:
    """Imports items and institutions and puts every policy in force, by two operators."""
    catalogue = CatalogueServiceStub(running.channel("settlement", MAKER))
    items = catalogue_of(examples)
    stored = catalogue.ImportCatalogueItems(
        pb.ImportCatalogueItemsRequest(request_id=new_id(), region=REGION, items=items),
        timeout=CALL_SECONDS,
    )
    assert stored.stored == len(items), stored
    _import_institutions(running, places, REGION, by=MAKER)
    if places.levels_in(PLACE):
        _import_institutions(running, places, PLACE, by=PLACE_MAKER)
        _network(running, places)
    for example in examples:
        put_in_force(running, places.policy_file(example))


def _import_institutions(running: Running, places: Places, region: str, *, by: str) -> None:
    institutions = [
        pb.Institution(
            institution_id=institution_id,
            institution_name="样例医院",
            institution_level=level,
            ecert_supported=True,
            start_date=from_date(_LONG_AGO),
        )
        for institution_id, level in places.levels_in(region).items()
    ]
    imported = CatalogueServiceStub(running.channel("settlement", by)).ImportInstitutions(
        pb.ImportInstitutionsRequest(request_id=new_id(), region=region, items=institutions),
        timeout=CALL_SECONDS,
    )
    assert imported.stored == len(institutions), imported


def _network(running: Running, places: Places) -> None:
    """Opens the institutions of the second region for persons of other ones (O-03)."""
    scopes = [
        institution_pb2.InstitutionScope(
            institution_id=institution_id,
            start_date=from_date(_LONG_AGO),
            institution_kind="2" if institution_id.startswith("P") else "1",
            is_offsite_networked=True,
            ecert_supported=True,
        )
        for institution_id in places.levels_in(PLACE)
    ]
    channel = running.channel("settlement", PLACE_MAKER)
    imported = InstitutionServiceStub(channel).ImportInstitutionScopes(
        institution_pb.ImportInstitutionScopesRequest(
            request_id=new_id(), region=PLACE, items=scopes
        ),
        timeout=CALL_SECONDS,
    )
    assert imported.stored == len(scopes), imported


def put_in_force(running: Running, policy_file: bytes) -> None:
    """Submits and approves a policy."""
    submitted = PolicyServiceStub(running.channel("settlement", MAKER)).SubmitPolicy(
        policy_pb.SubmitPolicyRequest(request_id=new_id(), region=REGION, policy_file=policy_file),
        timeout=CALL_SECONDS,
    )
    version = submitted.policy.policy_version
    PolicyServiceStub(running.channel("settlement", CHECKER)).ApprovePolicy(
        policy_pb.ApprovePolicyRequest(request_id=new_id(), region=REGION, policy_version=version),
        timeout=CALL_SECONDS,
    )


def _place(bill: ToldBill) -> tuple[str, str, str, str]:
    """Returns what an institution's code begins with, its region, its name and its level."""
    kind = "P" if bill.facts.get("institution_kind") == "pharmacy" else "H"
    name = str(bill.facts.get("institution", ""))
    return kind, region_of(bill), name, str(bill.facts["institution_level"])
