"""ChangeService: what became of settlements, for programs that keep books beside these."""

import datetime as dt
import uuid

import grpc

from yibao.settlement.v1 import adjustment_pb2, settlement_pb2
from yibao.settlement.v1 import change_service_pb2 as pb
from yibao.settlement.v1 import change_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import number_in_place, page_token, place_after
from yibao_common.rpc.wire import from_instant, to_instant
from yibao_settlement.application.change import (
    Change,
    ChangeKind,
    ChangePlace,
    ChangeWish,
    told_before,
)
from yibao_settlement.application.reading import Reads

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500


class ChangeServicer(rpc.ChangeServiceServicer):
    """Reads in threads; changes nothing."""

    def __init__(self, reads: Reads, blocking: Blocking) -> None:
        """Takes what is read of."""
        self._reads = reads
        self._blocking = blocking

    async def ListSettlementChanges(
        self,
        request: pb.ListSettlementChangesRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ListSettlementChangesRequest, pb.ListSettlementChangesResponse]"
        ),
    ) -> pb.ListSettlementChangesResponse:
        """Lists what changed amounts of settlements, the oldest change first."""
        caller = current_caller()
        caller.require_region(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        since = to_instant(request.change_start_time)
        before = told_before(await self._blocking.run(self._reads.now))
        found = await self._blocking.run(
            self._reads.changes,
            request.region,
            ChangeWish(caller.institution_id, since, before),
            after=place_after(request, request.page_token, _place_of),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        response = pb.ListSettlementChangesResponse(changes=map(_message, page))
        if len(found) > size:
            response.next_page_token = page_token(request, _place_text(page[-1].place))
        else:
            # Who asks for what is to come is told to come back to it.
            response.change_end_time.CopyFrom(from_instant(max(since, before)))
        return response


def _message(change: Change) -> pb.SettlementChange:
    message = pb.SettlementChange(
        settlement_id=change.place.settlement_id,
        change_kind=pb.SettlementChangeKind.ValueType(change.place.kind),
        change_time=from_instant(change.place.change_time),
        revision=change.revision,
        state=settlement_pb2.SETTLEMENT_STATE_SETTLED,
        visit_id=change.visit_id,
        bill_number=change.bill_number,
        institution_id=change.institution_id,
    )
    if change.is_reversed:
        message.state = settlement_pb2.SETTLEMENT_STATE_REVERSED
    if change.cause is not None:
        message.cause = adjustment_pb2.AdjustmentCause.ValueType(change.cause)
    return message


def _place_text(place: ChangePlace) -> str:
    time = place.change_time.isoformat()
    return f"{time}/{int(place.kind)}/{place.settlement_id}/{place.number}"


def _place_of(text: str) -> ChangePlace:
    """Returns the place that a page's token holds; see `place_after`.

    Raises ValueError where the text is not as `_place_text` writes it.
    """
    time, kind, settlement_id, number = text.split("/")
    place = ChangePlace(
        dt.datetime.fromisoformat(time),
        ChangeKind(int(kind)),
        str(uuid.UUID(settlement_id)),
        number_in_place(number),
    )
    # The readers take more forms than one, and a time without a zone.
    if place.change_time.utcoffset() != dt.timedelta() or _place_text(place) != text:
        raise ValueError("a place is a time in UTC, a kind, an id and a number")
    return place
