"""HoldService: bills that are held first, and settled or released after."""

import datetime as dt
from collections.abc import Sequence

import grpc

from yibao.settlement.v1 import hold_pb2 as messages
from yibao.settlement.v1 import hold_service_pb2 as pb
from yibao.settlement.v1 import hold_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant
from yibao_common.values.caller import Caller
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.hold.confirm import CONFIRM_METHOD, ConfirmHold
from yibao_settlement.application.hold.find import find_hold
from yibao_settlement.application.hold.leaving import Left
from yibao_settlement.application.hold.listing import HoldWish
from yibao_settlement.application.hold.release import RELEASE_METHOD, ReleaseHold
from yibao_settlement.application.hold.state import Hold, HoldRequest
from yibao_settlement.application.hold.take import HOLD_METHOD, HoldBill
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.servicer.encode import fill_settlement, settled
from yibao_settlement.servicer.news import News
from yibao_settlement.servicer.refund.encode import fill_adjusted
from yibao_settlement.servicer.settling import Settling

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500


class HoldServicer(rpc.HoldServiceServicer):
    """Holds bills through the batcher; reads in threads."""

    def __init__(
        self,
        batcher: Batcher[Command, bytes],
        reads: Reads,
        blocking: Blocking,
        *,
        news: News,
        settling: Settling,
        valid_for: dt.timedelta,
    ) -> None:
        """Takes the engine, what is said of every bill, and for how long one is held.

        `news` holds what identity's news may help.
        """
        self._batcher = batcher
        self._news = news
        self._reads = reads
        self._blocking = blocking
        self._settling = settling
        self._valid_for = valid_for

    async def HoldBill(
        self,
        request: pb.HoldBillRequest,
        context: "grpc.aio.ServicerContext[pb.HoldBillRequest, pb.HoldBillResponse]",
    ) -> pb.HoldBillResponse:
        """Holds a bill; the answer is the stored one, byte for byte."""
        valid_for = self._valid_for
        if request.valid_for_seconds:
            valid_for = dt.timedelta(seconds=request.valid_for_seconds)
        # The bill is answered as a hold.
        settling = self._settling.command(request, HOLD_METHOD, settled)
        response = await self._news.submit(request.region, HoldBill(settling, valid_for, held))
        return as_sent(pb.HoldBillResponse, response)

    async def ConfirmHold(
        self,
        request: pb.ConfirmHoldRequest,
        context: "grpc.aio.ServicerContext[pb.ConfirmHoldRequest, pb.ConfirmHoldResponse]",
    ) -> pb.ConfirmHoldResponse:
        """Settles a held bill for what was quoted."""
        command = ConfirmHold(request_of(request, CONFIRM_METHOD), request.hold_id, confirmed)
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ConfirmHoldResponse, response)

    async def ReleaseHold(
        self,
        request: pb.ReleaseHoldRequest,
        context: "grpc.aio.ServicerContext[pb.ReleaseHoldRequest, pb.ReleaseHoldResponse]",
    ) -> pb.ReleaseHoldResponse:
        """Lets a held bill go."""
        asked = request_of(request, RELEASE_METHOD)
        _check_named(request, asked.caller)
        command = ReleaseHold(
            asked,
            request.hold_id,
            request.reason,
            released,
            released_unheld,
            request.hold_request_id,
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ReleaseHoldResponse, response)

    async def GetHold(
        self,
        request: pb.GetHoldRequest,
        context: "grpc.aio.ServicerContext[pb.GetHoldRequest, pb.GetHoldResponse]",
    ) -> pb.GetHoldResponse:
        """Reads a hold as it is now."""
        caller = current_caller()
        caller.require_region(request.region)
        hold = await self._blocking.run(
            find_hold, self._reads, request.region, request.hold_id, caller
        )
        return pb.GetHoldResponse(hold=hold_message(hold))

    async def ListHolds(
        self,
        request: pb.ListHoldsRequest,
        context: "grpc.aio.ServicerContext[pb.ListHoldsRequest, pb.ListHoldsResponse]",
    ) -> pb.ListHoldsResponse:
        """Lists what is held."""
        caller = current_caller()
        caller.require_region(request.region)
        after = place_after(request, request.page_token, id_place)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(self._held, request, caller, after, size)
        page = found[:size]
        token = page_token(request, page[-1].hold_id) if len(found) > size else ""
        return pb.ListHoldsResponse(holds=map(_listed, page), next_page_token=token)

    def _held(
        self, request: pb.ListHoldsRequest, caller: Caller, after: str | None, size: int
    ) -> Sequence[Hold]:
        wish = HoldWish(
            self._reads.now(),
            caller.institution_id,
            request.person_id or None,
            request.visit_id or None,
        )
        # One more tells whether there is another page.
        return self._reads.held(request.region, wish, after=after, limit=size + 1)


def _listed(hold: Hold) -> messages.Hold:
    message = hold_message(hold)
    del message.quote.lines[:]
    return message


def held(hold: Hold) -> bytes:
    """Returns a serialized HoldBillResponse."""
    return pb.HoldBillResponse(hold=hold_message(hold)).SerializeToString()


def confirmed(record: SettlementRecord) -> bytes:
    """Returns a serialized ConfirmHoldResponse."""
    response = pb.ConfirmHoldResponse()
    fill_settlement(response.settlement, record)
    return response.SerializeToString()


def released(left: Left) -> bytes:
    """Returns a serialized ReleaseHoldResponse."""
    response = pb.ReleaseHoldResponse(hold=hold_message(left.hold))
    institution_id = left.hold.record.institution_id
    fill_adjusted(response, left.folded, institution_id=institution_id)
    return response.SerializeToString()


def released_unheld(asked: HoldRequest) -> bytes:
    """Returns a serialized ReleaseHoldResponse of what had not been held yet."""
    assert asked.release_time is not None, asked.request_id
    hold = messages.Hold(
        state=messages.HOLD_STATE_RELEASED,
        release_reason=asked.release_reason or "",
        end_time=from_instant(asked.release_time),
    )
    return pb.ReleaseHoldResponse(hold=hold).SerializeToString()


def _check_named(request: pb.ReleaseHoldRequest, caller: Caller) -> None:
    """Refuses a release that names none or two, or a request of whom it is not."""
    if bool(request.hold_id) == bool(request.hold_request_id):
        fault = FieldFault("hold_id", Reason.FIELD_REQUIRED, "or hold_request_id, and not both")
        refuse_faults([fault])
    if request.hold_request_id and caller.institution_id is None:
        message = "is told by the institution that made the request"
        refuse_faults([FieldFault("hold_request_id", Reason.FIELD_OUT_OF_RANGE, message)])


def hold_message(hold: Hold) -> messages.Hold:
    """Returns a hold as sent; what moved of it is nobody's to see before it is booked."""
    message = messages.Hold(
        hold_id=hold.hold_id,
        state=messages.HoldState.ValueType(hold.state),
        expire_time=from_instant(hold.expire_time),
        release_reason=hold.end_reason or "",
        settlement_id=hold.settlement_id or "",
    )
    fill_settlement(message.quote, hold.record._replace(adjustment=None))
    message.quote.settlement_id = ""
    message.quote.ClearField("entries")
    if hold.end_time is not None:
        message.end_time.CopyFrom(from_instant(hold.end_time))
    return message
