"""RefundService: what is returned of settled bills or corrected, and what that would move."""

from collections.abc import Collection, Mapping

import grpc

from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao.settlement.v1 import refund_service_pb2_grpc as rpc
from yibao.settlement.v1 import settlement_pb2
from yibao_common.commands.request import Request
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.requests import request_of, trial_of
from yibao_common.rpc.wire import as_sent
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.settlement.folded import Reversal
from yibao_settlement.application.settlement.refund import (
    REFUND_METHOD,
    RefundSettlement,
)
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.application.settlement.reverse import ReverseSettlement
from yibao_settlement.rules.refund import RefundOrder
from yibao_settlement.rules.restating import NO_OWN_DEBTS, OwnDebts
from yibao_settlement.servicer.decode import restated_cash_of
from yibao_settlement.servicer.encode import fill_entries, fill_settlement
from yibao_settlement.servicer.news import News
from yibao_settlement.servicer.override import Overriding
from yibao_settlement.servicer.refund.correcting import (
    CorrectedAnswer,
    Correcting,
    correction_tried,
)
from yibao_settlement.servicer.refund.encode import (
    amounts_message,
    fill_adjusted,
    leave_ids,
)
from yibao_settlement.servicer.refund.refunding import asked_return, refunded
from yibao_settlement.servicer.refused_lines import RefusedLines


class RefundServicer(rpc.RefundServiceServicer):
    """Returns lines and corrects through the batcher.

    A trial goes the same way, and nothing of it is kept.
    """

    def __init__(
        self,
        batcher: Batcher[Command, bytes],
        correcting: Correcting,
        overriding: Overriding,
        refused_lines: RefusedLines,
        news: News,
        *,
        cash_first_in: Collection[str] = (),
        carried_first_in: Collection[str] = (),
        newest_first_in: Collection[str] = (),
        own_debts: Mapping[str, OwnDebts] = NO_OWN_DEBTS,
    ) -> None:
        """Takes the engine; what is `…_in` are regions, see `SettlementConfig`.

        `news` corrects what identity's news may help.
        """
        self._batcher = batcher
        self._news = news
        self._correcting = correcting
        self._overriding = overriding
        self._refused_lines = refused_lines
        self._cash_first_in = cash_first_in
        self._carried_first_in = carried_first_in
        self._newest_first_in = newest_first_in
        self._own_debts = own_debts

    async def RefundSettlement(
        self,
        request: pb.RefundSettlementRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RefundSettlementRequest, pb.RefundSettlementResponse]"
        ),
    ) -> pb.RefundSettlementResponse:
        """Returns lines of a settlement."""
        command = self._refund(
            request,
            request_of(request, REFUND_METHOD),
            reason=request.reason,
            expected=_expected_of(request),
            restated_cash_fen=restated_cash_of(request),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.RefundSettlementResponse, response)

    async def TrialRefund(
        self,
        request: pb.TrialRefundRequest,
        context: "grpc.aio.ServicerContext[pb.TrialRefundRequest, pb.TrialRefundResponse]",
    ) -> pb.TrialRefundResponse:
        """Tells what a refund would give back and move."""
        command = self._refund(request, trial_of(request, "TrialRefund"))
        response = await self._batcher.submit(request.region, command)
        found = pb.RefundSettlementResponse.FromString(response)
        found.settlement.state = settlement_pb2.SETTLEMENT_STATE_TRIAL
        found.refund.ClearField("refund_id")
        del found.settlement.refunds[-1]
        leave_ids(found)
        return pb.TrialRefundResponse(refunded=found)

    async def CorrectSettlement(
        self,
        request: pb.CorrectSettlementRequest,
        context: (
            "grpc.aio.ServicerContext[pb.CorrectSettlementRequest, pb.CorrectSettlementResponse]"
        ),
    ) -> pb.CorrectSettlementResponse:
        """Puts another bill in the place of a settled one."""
        answer = CorrectedAnswer()
        command = await self._correcting.command(request, answer)
        response = await self._news.submit(request.region, command)
        if answer.refused:
            caller = command.request.caller
            self._refused_lines.tell(answer.refused, request_id=request.request_id, caller=caller)
        return as_sent(pb.CorrectSettlementResponse, response)

    async def TrialCorrection(
        self,
        request: pb.TrialCorrectionRequest,
        context: "grpc.aio.ServicerContext[pb.TrialCorrectionRequest, pb.TrialCorrectionResponse]",
    ) -> pb.TrialCorrectionResponse:
        """Tells what a correction would give back, ask for and move."""
        command = await self._correcting.tried(request, CorrectedAnswer())
        response = await self._batcher.submit(request.region, command)
        return pb.TrialCorrectionResponse(corrected=correction_tried(response))

    async def TrialReversal(
        self,
        request: pb.TrialReversalRequest,
        context: "grpc.aio.ServicerContext[pb.TrialReversalRequest, pb.TrialReversalResponse]",
    ) -> pb.TrialReversalResponse:
        """Tells what a reversal would give back and move."""
        command = ReverseSettlement(
            trial_of(request, "TrialReversal"),
            request.settlement_id,
            "",
            reversal_tried,
            newest_first=request.region in self._newest_first_in,
            own_debts=self._own_debts.get(request.region, OwnDebts.DIFFERENCE),
            carried_first=request.region in self._carried_first_in,
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.TrialReversalResponse, response)

    async def ProposeOverride(
        self,
        request: pb.ProposeOverrideRequest,
        context: "grpc.aio.ServicerContext[pb.ProposeOverrideRequest, pb.ProposeOverrideResponse]",
    ) -> pb.ProposeOverrideResponse:
        """Proposes to take a settlement back before later ones."""
        return await self._overriding.propose(request)

    async def ConfirmOverride(
        self,
        request: pb.ConfirmOverrideRequest,
        context: "grpc.aio.ServicerContext[pb.ConfirmOverrideRequest, pb.ConfirmOverrideResponse]",
    ) -> pb.ConfirmOverrideResponse:
        """Confirms an override, and carries it out."""
        return await self._overriding.confirm(request)

    async def GetOverride(
        self,
        request: pb.GetOverrideRequest,
        context: "grpc.aio.ServicerContext[pb.GetOverrideRequest, pb.GetOverrideResponse]",
    ) -> pb.GetOverrideResponse:
        """Reads an override."""
        return await self._overriding.get(request)

    async def WithdrawOverride(
        self,
        request: pb.WithdrawOverrideRequest,
        context: (
            "grpc.aio.ServicerContext[pb.WithdrawOverrideRequest, pb.WithdrawOverrideResponse]"
        ),
    ) -> pb.WithdrawOverrideResponse:
        """Withdraws an override."""
        return await self._overriding.withdraw(request)

    async def ListOverrides(
        self,
        request: pb.ListOverridesRequest,
        context: "grpc.aio.ServicerContext[pb.ListOverridesRequest, pb.ListOverridesResponse]",
    ) -> pb.ListOverridesResponse:
        """Lists overrides, the one proposed first at the head."""
        return await self._overriding.page(request)

    def _refund(
        self,
        request: "pb.RefundSettlementRequest | pb.TrialRefundRequest",
        asked: Request,
        *,
        reason: str = "",
        expected: GivenBack | None = None,
        restated_cash_fen: int | None = None,
    ) -> Command:
        is_cash_first = request.region in self._cash_first_in
        return RefundSettlement(
            asked,
            request.settlement_id,
            tuple(map(asked_return, request.lines)),
            reason,
            refunded,
            expected=expected,
            order=RefundOrder.CASH_FIRST if is_cash_first else RefundOrder.ACCOUNT_FIRST,
            carried_first=request.region in self._carried_first_in,
            newest_first=request.region in self._newest_first_in,
            own_debts=self._own_debts.get(request.region, OwnDebts.DIFFERENCE),
            restated_cash_fen=restated_cash_fen,
        )


def _expected_of(request: pb.RefundSettlementRequest) -> GivenBack | None:
    if not request.HasField("expected"):
        return None
    told = request.expected
    return GivenBack(told.fund_total_fen, told.other_total_fen, told.account_fen, told.cash_fen)


def reversal_tried(reversal: Reversal) -> bytes:
    """Returns a serialized TrialReversalResponse."""
    record = reversal.settlement._replace(reversal=None)
    amounts = GivenBack(
        record.fund_total_fen,
        0 if record.benefit is None else record.benefit.other_total_fen,
        record.account_fen,
        record.cash_fen,
    )
    response = pb.TrialReversalResponse(amounts=amounts_message(amounts))
    fill_settlement(response.settlement, record)
    fill_entries(response.settlement, reversal.entries)
    fill_adjusted(response, reversal.folded, institution_id=record.institution_id)
    leave_ids(response)
    return response.SerializeToString()
