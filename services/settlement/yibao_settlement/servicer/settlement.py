"""SettlementService: trial, settle, bulk, reverse, read, explain, print."""

from collections.abc import Collection, Mapping

import grpc

from yibao.settlement.v1 import settlement_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1 import settlement_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.process.logs import Log
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after, timed_place, timed_place_text
from yibao_common.rpc.party_turns import PartyTurns
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant, to_optional_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.hold.expire import ExpireHolds
from yibao_settlement.application.outcome.resolve import RESOLVE_METHOD, ResolveRequest
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.settlement import what_if
from yibao_settlement.application.settlement.effective import find_both_columns
from yibao_settlement.application.settlement.find import SettlementName
from yibao_settlement.application.settlement.listing import Place
from yibao_settlement.application.settlement.past import find_named_with_past
from yibao_settlement.application.settlement.reverse import REVERSE_METHOD, ReverseSettlement
from yibao_settlement.application.settlement.settle import SETTLE_METHOD
from yibao_settlement.application.settlement.trial import HoldsRunOutError, Trial, trial
from yibao_settlement.rules.restating import NO_OWN_DEBTS, OwnDebts
from yibao_settlement.servicer.adjustment import fill_adjustments
from yibao_settlement.servicer.bulk import BulkSettling, results
from yibao_settlement.servicer.credential import Viewers
from yibao_settlement.servicer.decode import (
    LISTED_STATES,
    bill_of,
    restated_cash_of,
    wish_of,
)
from yibao_settlement.servicer.elsewhere.explanation import elsewhere_message
from yibao_settlement.servicer.encode import (
    fill_settlement,
    reversed_,
    summary_message,
    trace_messages,
)
from yibao_settlement.servicer.explanation import explanation_message
from yibao_settlement.servicer.news import News
from yibao_settlement.servicer.outcome import made_by, resolved
from yibao_settlement.servicer.refused_lines import RefusedLines, SettledAnswer
from yibao_settlement.servicer.settling import Settling
from yibao_settlement.servicer.statement.answer import make_statement, printing_of
from yibao_settlement.servicer.what_if import what_if_message

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500


class SettlementServicer(rpc.SettlementServiceServicer):
    """Settles bills through the batcher; reads in threads."""

    def __init__(
        self,
        batcher: Batcher[Command, bytes],
        reads: Reads,
        blocking: Blocking,
        *,
        news: News,
        settling: Settling,
        viewers: Viewers,
        clock: Clock,
        ids: Ids,
        log: Log,
        refused_lines: RefusedLines,
        newest_first_in: Collection[str] = (),
        own_debts: Mapping[str, OwnDebts] = NO_OWN_DEBTS,
    ) -> None:
        """Takes the engine, and what is said of every bill.

        `news` settles what identity's news may help; `newest_first_in` are regions;
        `own_debts` what some say of an institution's later bills.
        """
        self._batcher = batcher
        self._news = news
        self._reads = reads
        self._blocking = blocking
        self._settling = settling
        self._viewers = viewers
        self._newest_first_in = newest_first_in
        self._own_debts = own_debts
        self._clock = clock
        self._bulk = BulkSettling(batcher, news, settling, ids=ids, log=log)
        self._refused_lines = refused_lines
        self._statements = PartyTurns()

    async def TrialBill(
        self,
        request: pb.TrialBillRequest,
        context: "grpc.aio.ServicerContext[pb.TrialBillRequest, pb.TrialBillResponse]",
    ) -> pb.TrialBillResponse:
        """Computes what a bill would cost whom and stores nothing."""
        institution_id = current_caller().own_institution()
        try:
            found = await self._news.carried_out(
                request.region, lambda: self._try(request, institution_id)
            )
        except HoldsRunOutError as error:
            # They end before whatever comes next, as before a bill that is settled.
            command = ExpireHolds.of(request.region, error.person_id)
            await self._batcher.submit(request.region, command)
            found = await self._try(request, institution_id, with_run_out=True)
        response = pb.TrialBillResponse(
            trace=trace_messages(found.trace), hold_count=len(found.holds)
        )
        if found.holds:
            until = max(each.expire_time for each in found.holds)
            response.holds_until_time.CopyFrom(from_instant(until))
        if found.elsewhere is not None:
            response.elsewhere.CopyFrom(elsewhere_message(found.elsewhere))
        fill_settlement(response.settlement, found.record)
        response.settlement.state = settlement_pb2.SETTLEMENT_STATE_TRIAL
        return response

    async def _try(
        self, request: pb.TrialBillRequest, institution_id: str, *, with_run_out: bool = False
    ) -> Trial:
        return await self._blocking.run(
            trial,
            self._reads,
            request.region,
            bill_of(request.bill),
            institution_id=institution_id,
            is_discharge_required=request.region in self._settling.discharge_required_in,
            carried_first=request.region in self._settling.carried_first_in,
            now=self._clock(),
            with_run_out=with_run_out,
        )

    async def SettleBill(
        self,
        request: pb.SettleBillRequest,
        context: "grpc.aio.ServicerContext[pb.SettleBillRequest, pb.SettleBillResponse]",
    ) -> pb.SettleBillResponse:
        """Settles a bill; the answer is the stored one, byte for byte."""
        answer = SettledAnswer()
        command = self._settling.command(request, SETTLE_METHOD, answer.encode)
        response = await self._news.submit(request.region, command)
        self._tell_refused(request, answer)
        return as_sent(pb.SettleBillResponse, response)

    async def SubmitBills(
        self,
        request: pb.SubmitBillsRequest,
        context: "grpc.aio.ServicerContext[pb.SubmitBillsRequest, pb.SubmitBillsResponse]",
    ) -> pb.SubmitBillsResponse:
        """Settles bills each on its own; results in the order of the items."""
        outcomes = await self._bulk.settle(request.items, self._tell_refused)
        # As stored, without reading them into messages and writing them again.
        response = await self._blocking.run(results, outcomes)
        return as_sent(pb.SubmitBillsResponse, response)

    def _tell_refused(self, request: pb.SettleBillRequest, answer: SettledAnswer) -> None:
        if answer.refused:
            self._refused_lines.tell(
                answer.refused, request_id=request.request_id, caller=current_caller()
            )

    async def ReverseSettlement(
        self,
        request: pb.ReverseSettlementRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ReverseSettlementRequest, pb.ReverseSettlementResponse]"
        ),
    ) -> pb.ReverseSettlementResponse:
        """Reverses a settlement in full."""
        command = ReverseSettlement(
            request_of(request, REVERSE_METHOD),
            request.settlement_id,
            request.reason,
            reversed_,
            newest_first=request.region in self._newest_first_in,
            own_debts=self._own_debts.get(request.region, OwnDebts.DIFFERENCE),
            restated_cash_fen=restated_cash_of(request),
            carried_first=request.region in self._settling.carried_first_in,
        )
        return as_sent(
            pb.ReverseSettlementResponse, await self._batcher.submit(request.region, command)
        )

    async def ResolveRequest(
        self,
        request: pb.ResolveRequestRequest,
        context: "grpc.aio.ServicerContext[pb.ResolveRequestRequest, pb.ResolveRequestResponse]",
    ) -> pb.ResolveRequestResponse:
        """Tells what became of a request, and fences one that was not booked."""
        if request.asked_request_id == request.request_id:
            message = "is the id of the request that asks"
            refuse_faults([FieldFault("asked_request_id", Reason.FIELD_MALFORMED, message)])
        command = ResolveRequest(
            request_of(request, RESOLVE_METHOD), request.asked_request_id, made_by, resolved
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ResolveRequestResponse, response)

    async def GetSettlement(
        self,
        request: pb.GetSettlementRequest,
        context: "grpc.aio.ServicerContext[pb.GetSettlementRequest, pb.GetSettlementResponse]",
    ) -> pb.GetSettlementResponse:
        """Reads one settlement as it is now."""
        viewer = await self._viewers.of(request)
        name = SettlementName(
            request.settlement_id, request.provider_visit_number, request.bill_number
        )
        record, adjustments = await self._blocking.run(
            find_named_with_past, self._reads, request.region, name, viewer
        )
        response = pb.GetSettlementResponse()
        fill_settlement(response.settlement, record)
        fill_adjustments(response.settlement, adjustments)
        return response

    async def ListSettlements(
        self,
        request: pb.ListSettlementsRequest,
        context: "grpc.aio.ServicerContext[pb.ListSettlementsRequest, pb.ListSettlementsResponse]",
    ) -> pb.ListSettlementsResponse:
        """Lists settlements without their lines, the one settled last first."""
        viewer = await self._viewers.of(request)
        wish = wish_of(request, viewer)
        after = place_after(request, request.page_token, _place_of)
        if request.state not in LISTED_STATES:
            return pb.ListSettlementsResponse()
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reads.settlements,
            request.region,
            wish,
            after=after,
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, timed_place_text(*page[-1].place)) if len(found) > size else ""
        return pb.ListSettlementsResponse(
            settlements=[summary_message(each) for each in page], next_page_token=token
        )

    async def ExplainSettlement(
        self,
        request: pb.ExplainSettlementRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ExplainSettlementRequest, pb.ExplainSettlementResponse]"
        ),
    ) -> pb.ExplainSettlementResponse:
        """Derives the calculation of a settlement again and shows each step."""
        viewer = await self._viewers.of(request)
        found = await self._blocking.run(
            find_both_columns, self._reads, request.region, request.settlement_id, viewer
        )
        return explanation_message(found)

    async def ExplainWhatIf(
        self,
        request: pb.ExplainWhatIfRequest,
        context: "grpc.aio.ServicerContext[pb.ExplainWhatIfRequest, pb.ExplainWhatIfResponse]",
    ) -> pb.ExplainWhatIfResponse:
        """Tells what a settled bill would have come to otherwise."""
        caller = current_caller()
        caller.require_region(request.region)
        wish = what_if.Wish(
            to_optional_date(request, "service_date"),
            request.institution_id,
            request.institution_level,
            request.lines_held,
        )
        asked = (request.region, request.settlement_id, wish, caller)
        found = await self._blocking.run(what_if.find_what_if, self._reads, *asked)
        return what_if_message(found)

    async def GetStatement(
        self,
        request: pb.GetStatementRequest,
        context: "grpc.aio.ServicerContext[pb.GetStatementRequest, pb.GetStatementResponse]",
    ) -> pb.GetStatementResponse:
        """Makes the statement of a settlement, as values, page or paper."""
        viewer = await self._viewers.of(request)
        printing = printing_of(request, today=shanghai_day(self._clock()))
        async with self._statements.turn(current_caller().party):
            return await self._blocking.run(make_statement, self._reads, request, printing, viewer)


def _place_of(text: str) -> Place:
    return Place(*timed_place(text))
