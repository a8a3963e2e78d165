"""ClearingService: days and months of institutions and of the funds, compared and closed."""

import re

import grpc

from yibao.settlement.v1 import clearing_pb2 as messages
from yibao.settlement.v1 import clearing_service_pb2 as pb
from yibao.settlement.v1 import clearing_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant, to_date
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.day.compared import ComparedPart
from yibao_settlement.application.day.find import Days
from yibao_settlement.application.period.close import (
    CONFIRM_METHOD,
    ConfirmPeriodClose,
    Periods,
    ProposePeriodClose,
    SummedClose,
)
from yibao_settlement.application.period.find import FoundPeriod
from yibao_settlement.rules.period.close import Period, PeriodClose, PeriodSum
from yibao_settlement.rules.period.month import is_month
from yibao_settlement.servicer.day import (
    compared_response,
    institution_of,
    part_of,
    snapshot_of,
    totals_response,
)

_PAGE_SIZE, _PAGE_SIZE_MAX = 100, 500
# The funds' place in a list: before every institution.
_FUNDS = "-"
_INSTITUTION = re.compile("[HP][0-9]{11}")


class ClearingServicer(rpc.ClearingServiceServicer):
    """Closes and reads periods in threads."""

    def __init__(self, periods: Periods, days: Days, blocking: Blocking, closing: Blocking) -> None:
        """Takes what answers; in `closing` it is waited for what others still write."""
        self._periods = periods
        self._days = days
        self._blocking = blocking
        self._closing = closing

    async def ListPeriods(
        self,
        request: pb.ListPeriodsRequest,
        context: "grpc.aio.ServicerContext[pb.ListPeriodsRequest, pb.ListPeriodsResponse]",
    ) -> pb.ListPeriodsResponse:
        """Lists the periods of a month."""
        current_caller().require_region(request.region)
        month = _month(request.month)
        place = place_after(request, request.page_token, _place_of)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._periods.of_month,
            request.region,
            month,
            after=place,
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = ""
        if len(found) > size:
            token = page_token(request, page[-1].period.institution_id or _FUNDS)
        return pb.ListPeriodsResponse(
            periods=[_found_message(request.region, each) for each in page],
            next_page_token=token,
        )

    async def GetPeriod(
        self,
        request: pb.GetPeriodRequest,
        context: "grpc.aio.ServicerContext[pb.GetPeriodRequest, pb.GetPeriodResponse]",
    ) -> pb.GetPeriodResponse:
        """Reads a period with its sums."""
        caller = current_caller()
        caller.require_region(request.region)
        caller.require_institution(request.institution_id)
        period = Period(request.institution_id, _month(request.month))
        found = await self._blocking.run(self._periods.find, request.region, period)
        return pb.GetPeriodResponse(period=_found_message(request.region, found))

    async def ProposePeriodClose(
        self,
        request: pb.ProposePeriodCloseRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ProposePeriodCloseRequest, pb.ProposePeriodCloseResponse]"
        ),
    ) -> pb.ProposePeriodCloseResponse:
        """Proposes that a month is closed."""
        asked = request_of(request, "ProposePeriodClose")
        period = Period(request.institution_id, _month(request.month))
        response = await self._closing.run(
            self._periods.propose, ProposePeriodClose(asked, period), proposed
        )
        return as_sent(pb.ProposePeriodCloseResponse, response)

    async def ConfirmPeriodClose(
        self,
        request: pb.ConfirmPeriodCloseRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ConfirmPeriodCloseRequest, pb.ConfirmPeriodCloseResponse]"
        ),
    ) -> pb.ConfirmPeriodCloseResponse:
        """Confirms that a month is closed."""
        command = ConfirmPeriodClose(
            request_of(request, CONFIRM_METHOD),
            request.close_id,
            request.amount_fen,
            request.entry_count,
        )
        response = await self._blocking.run(self._periods.confirm, command, confirmed)
        return as_sent(pb.ConfirmPeriodCloseResponse, response)

    async def GetDayTotals(
        self,
        request: pb.GetDayTotalsRequest,
        context: "grpc.aio.ServicerContext[pb.GetDayTotalsRequest, pb.GetDayTotalsResponse]",
    ) -> pb.GetDayTotalsResponse:
        """Tells what an institution's acts of a day come to."""
        caller = current_caller()
        caller.require_region(request.region)
        totals = await self._blocking.run(
            self._days.totals,
            request.region,
            institution_of(request, caller),
            to_date(request.act_date),
            snapshot_of(request),
        )
        return totals_response(totals)

    async def CompareDay(
        self,
        request: pb.CompareDayRequest,
        context: "grpc.aio.ServicerContext[pb.CompareDayRequest, pb.CompareDayResponse]",
    ) -> pb.CompareDayResponse:
        """Compares the caller's own acts of a day, or a part of them, with the insurer's."""
        caller = current_caller()
        caller.require_region(request.region)
        compared = await self._blocking.run(self._compared, request, caller.own_institution())
        return await self._blocking.run(compared_response, compared, caller)

    def _compared(self, request: pb.CompareDayRequest, institution_id: str) -> ComparedPart:
        part = part_of(request)
        return self._days.compare(request.region, institution_id, part, snapshot_of(request))


def proposed(done: SummedClose) -> bytes:
    """Returns a serialized ProposePeriodCloseResponse."""
    return pb.ProposePeriodCloseResponse(period=_done_message(done)).SerializeToString()


def confirmed(done: SummedClose) -> bytes:
    """Returns a serialized ConfirmPeriodCloseResponse."""
    return pb.ConfirmPeriodCloseResponse(period=_done_message(done)).SerializeToString()


def _place_of(text: str) -> str:
    """Returns behind which institution a page begins, "" for the funds; raises ValueError."""
    if text == _FUNDS:
        return ""
    if not _INSTITUTION.fullmatch(text):
        raise ValueError("a place is an institution")
    return text


def _month(text: str) -> int:
    """Returns a month as told; raises RuleError FIELD_MALFORMED where it is none."""
    if not is_month(int(text)):
        fault = "six digits of a year and a month, such as 202611"
        refuse_faults([FieldFault("month", Reason.FIELD_MALFORMED, fault)])
    return int(text)


def _done_message(done: SummedClose) -> messages.Period:
    close = done.close
    amounts = (close.amount_fen, close.entry_count)
    found = FoundPeriod(close.period, close.state, *amounts, close, done.sums)
    return _found_message(close.region, found)


def _found_message(region: str, found: FoundPeriod) -> messages.Period:
    return messages.Period(
        region=region,
        institution_id=found.period.institution_id,
        month=str(found.period.month),
        state=messages.PeriodState.ValueType(found.state),
        amount_fen=found.amount_fen,
        entry_count=found.entry_count,
        close=None if found.close is None else _close_message(found.close),
        sums=map(_sum_message, found.sums),
    )


def _close_message(close: PeriodClose) -> messages.PeriodClose:
    return messages.PeriodClose(
        close_id=close.close_id,
        amount_fen=close.amount_fen,
        entry_count=close.entry_count,
        maker=close.maker,
        propose_time=from_instant(close.propose_time),
        checker=close.checker or "",
        close_time=None if close.close_time is None else from_instant(close.close_time),
    )


def _sum_message(each: PeriodSum) -> messages.PeriodSum:
    return messages.PeriodSum(
        account_id=each.account_id,
        posting_kind=each.kind,
        original_month=str(each.original_month) if each.original_month else "",
        entry_count=each.entry_count,
        amount_fen=each.amount_fen,
    )
