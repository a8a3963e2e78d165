"""CatalogueService: items and designated institutions of a region."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import grpc

from yibao.settlement.v1 import catalogue_service_pb2 as pb
from yibao.settlement.v1 import catalogue_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.calls import tell_results
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.status import item_errors
from yibao_common.rpc.turns import Turns
from yibao_common.rpc.validation import Validator
from yibao_common.rpc.wire import as_sent, from_date, to_date
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.catalogue import (
    Catalogue,
    ImportInstitutions,
    ImportItems,
    RowT,
    SentRow,
)
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.bill import CatalogueItem, LevelPriceCeiling
from yibao_settlement.rules.visit import Institution
from yibao_settlement.servicer.rows import form_faults_of, row_days

MessageT = TypeVar("MessageT", pb.CatalogueItem, pb.Institution)

_ITEM_VALIDATOR = Validator(pb.CatalogueItem.DESCRIPTOR, refuse_unknown=True)
_INSTITUTION_VALIDATOR = Validator(pb.Institution.DESCRIPTOR, refuse_unknown=True)


class CatalogueServicer(rpc.CatalogueServiceServicer):
    """Imports and reads reference data."""

    def __init__(self, catalogue: Catalogue, reads: Reads, blocking: Blocking) -> None:
        """Takes what answers."""
        self._catalogue = catalogue
        self._reads = reads
        self._blocking = blocking

    async def ImportCatalogueItems(
        self,
        request: pb.ImportCatalogueItemsRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ImportCatalogueItemsRequest, pb.ImportCatalogueItemsResponse]"
        ),
    ) -> pb.ImportCatalogueItemsResponse:
        """Imports catalogue items, each row on its own."""
        # Reading a row puts its texts into canonical form, which the digest rests on.
        rows = await _in_turns(_sent_item, request.items)
        response = await self._blocking.run(
            self._catalogue.import_items,
            ImportItems(request_of(request, "ImportCatalogueItems"), rows),
            lambda refusals: pb.ImportCatalogueItemsResponse(
                stored=_stored(refusals), results=_results(refusals)
            ).SerializeToString(),
        )
        tell_results(
            request.request_id, pb.ImportCatalogueItemsResponse.FromString(response).results
        )
        return as_sent(pb.ImportCatalogueItemsResponse, response)

    async def ImportInstitutions(
        self,
        request: pb.ImportInstitutionsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ImportInstitutionsRequest, pb.ImportInstitutionsResponse]"
        ),
    ) -> pb.ImportInstitutionsResponse:
        """Imports designated institutions, each row on its own."""
        rows = await _in_turns(_sent_institution, request.items)
        response = await self._blocking.run(
            self._catalogue.import_institutions,
            ImportInstitutions(request_of(request, "ImportInstitutions"), rows),
            lambda refusals: pb.ImportInstitutionsResponse(
                stored=_stored(refusals), results=_results(refusals)
            ).SerializeToString(),
        )
        tell_results(request.request_id, pb.ImportInstitutionsResponse.FromString(response).results)
        return as_sent(pb.ImportInstitutionsResponse, response)

    async def GetCatalogueItem(
        self,
        request: pb.GetCatalogueItemRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetCatalogueItemRequest, pb.GetCatalogueItemResponse]"
        ),
    ) -> pb.GetCatalogueItemResponse:
        """Reads an item as it stands on a day."""
        current_caller().require_region(request.region)
        day = to_date(request.date)
        item = await self._blocking.run(
            self._reads.catalogue_item, request.region, request.item_code, day
        )
        if item is None:
            raise RuleError(
                Reason.CATALOGUE_ITEM_UNKNOWN,
                f"item {request.item_code} is not in the catalogue on {day.isoformat()}",
                item_code=request.item_code,
            )
        return pb.GetCatalogueItemResponse(item=_item_message(item))


async def _in_turns(
    read: Callable[[MessageT], SentRow[RowT]], messages: Iterable[MessageT]
) -> list[SentRow[RowT]]:
    """Reads rows while other calls have their turn: thousands of faulty rows take a second."""
    turns = Turns()
    rows = []
    for message in messages:
        rows.append(read(message))
        await turns.pass_on()
    return rows


def _sent_institution(message: pb.Institution) -> SentRow[Institution]:
    faults, total = form_faults_of(_INSTITUTION_VALIDATOR, message)
    start_date, end_date = row_days(message)
    row = Institution(
        message.institution_id,
        message.institution_name,
        message.institution_level,
        message.ecert_supported,
        start_date,
        end_date,
    )
    return SentRow(row, faults, total)


def _sent_item(message: pb.CatalogueItem) -> SentRow[CatalogueItem]:
    faults, total = form_faults_of(_ITEM_VALIDATOR, message)
    start_date, end_date = row_days(message)
    row = CatalogueItem(
        message.item_code,
        message.item_name,
        message.catalogue_class,
        message.first_self_pay_ratio_ppm if message.HasField("first_self_pay_ratio_ppm") else None,
        message.price_ceiling,
        start_date,
        end_date,
        message.is_limited_use,
        message.item_group,
        tuple(
            LevelPriceCeiling(tuple(each.institution_levels), each.price_ceiling)
            for each in message.level_price_ceilings
        ),
    )
    return SentRow(row, faults, total)


def _stored(refusals: Sequence[RuleError | None]) -> int:
    return sum(refusal is None for refusal in refusals)


def _results(refusals: Sequence[RuleError | None]) -> list[pb.ImportResult]:
    return [
        pb.ImportResult(stored=True) if error is None else pb.ImportResult(error=error)
        for error in item_errors(refusals)
    ]


def _item_message(item: CatalogueItem) -> pb.CatalogueItem:
    return pb.CatalogueItem(
        item_code=item.item_code,
        item_name=item.item_name,
        catalogue_class=item.catalogue_class,
        first_self_pay_ratio_ppm=item.first_self_pay_ratio_ppm,
        price_ceiling=item.price_ceiling,
        start_date=from_date(item.start_date),
        end_date=None if item.end_date is None else from_date(item.end_date),
        is_limited_use=item.is_limited_use,
        item_group=item.item_group,
        level_price_ceilings=[
            pb.LevelPriceCeiling(
                institution_levels=each.institution_levels, price_ceiling=each.price_ceiling
            )
            for each in item.level_price_ceilings
        ],
    )


def institution_message(institution: Institution) -> pb.Institution:
    """Returns an institution as sent."""
    end = institution.end_date
    return pb.Institution(
        institution_id=institution.institution_id,
        institution_name=institution.institution_name,
        institution_level=institution.institution_level,
        ecert_supported=institution.ecert_supported,
        start_date=from_date(institution.start_date),
        end_date=None if end is None else from_date(end),
    )
