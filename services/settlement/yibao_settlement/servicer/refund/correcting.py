"""What a call to correct a settlement asks for, and the answer to it."""

from collections.abc import Collection, Mapping, Sequence

from yibao.settlement.v1 import bill_pb2, settlement_pb2
from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import Request
from yibao_common.rpc.requests import request_of, trial_of
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Code
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.settlement.correct import (
    CORRECT_METHOD,
    CorrectionDone,
    CorrectSettlement,
)
from yibao_settlement.application.settlement.corrected import Billed, CorrectionAmounts
from yibao_settlement.application.settlement.find import find_settlement
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.bill import Bill, RefusedLine
from yibao_settlement.rules.restating import NO_OWN_DEBTS, OwnDebts
from yibao_settlement.rules.visit import settlement_audience
from yibao_settlement.servicer.decode import billed_lines_of, restated_cash_of, selection_of
from yibao_settlement.servicer.encode import fill_entries, fill_settlement
from yibao_settlement.servicer.refund.encode import (
    correction_message,
    fill_adjusted,
    leave_ids,
)
from yibao_settlement.servicer.settling import Settling


class CorrectedAnswer:
    """Writes the answer of one correction, and keeps which lines of the bill were refused."""

    __slots__ = ("refused",)

    def __init__(self) -> None:
        """Begins before the bill is decided."""
        self.refused: Sequence[RefusedLine] = ()

    def encode(self, done: CorrectionDone) -> bytes:
        """Returns a serialized CorrectSettlementResponse."""
        self.refused = done.settlement.refused_lines
        return corrected(done)


class Correcting:
    """Makes commands of calls: the bill is of the visit, number and day of the settlement's."""

    def __init__(
        self,
        reads: Reads,
        blocking: Blocking,
        *,
        settling: Settling,
        newest_first_in: Collection[str] = (),
        own_debts: Mapping[str, OwnDebts] = NO_OWN_DEBTS,
    ) -> None:
        """Takes what is read; what is `…_in` are regions, see `SettlementConfig`."""
        self._reads = reads
        self._blocking = blocking
        self._settling = settling
        self._newest_first_in = newest_first_in
        self._own_debts = own_debts

    async def command(
        self, request: pb.CorrectSettlementRequest, answer: CorrectedAnswer
    ) -> CorrectSettlement:
        """Returns what a call asks for.

        Raises RuleError SETTLEMENT_NOT_FOUND, FIELD_OUT_OF_RANGE where an agency shows a code,
        and those of a code that is refused for good.
        """
        asked = request_of(request, CORRECT_METHOD)
        record = await self._settled(request, asked)
        return self._of(
            request,
            asked,
            record,
            answer,
            reason=request.reason,
            code=self._code(request, asked, record),
            expected=_expected_of(request),
            restated_cash_fen=restated_cash_of(request),
        )

    async def tried(
        self, request: pb.TrialCorrectionRequest, answer: CorrectedAnswer
    ) -> CorrectSettlement:
        """Returns what a trial tries; raises RuleError SETTLEMENT_NOT_FOUND."""
        asked = trial_of(request, "TrialCorrection")
        record = await self._settled(request, asked)
        return self._of(request, asked, record, answer, tries_code=request.with_code)

    async def _settled(
        self, request: "pb.CorrectSettlementRequest | pb.TrialCorrectionRequest", asked: Request
    ) -> SettlementRecord:
        """Returns the settlement, of which visit, number and day never change."""
        return await self._blocking.run(
            find_settlement, self._reads, request.region, request.settlement_id, asked.caller
        )

    def _of(
        self,
        request: "pb.CorrectSettlementRequest | pb.TrialCorrectionRequest",
        asked: Request,
        record: SettlementRecord,
        answer: CorrectedAnswer,
        *,
        reason: str = "",
        code: Code | None = None,
        expected: CorrectionAmounts | None = None,
        restated_cash_fen: int | None = None,
        tries_code: bool = False,
    ) -> CorrectSettlement:
        return CorrectSettlement(
            asked,
            request.settlement_id,
            bill_in_place(request.bill, record),
            reason,
            answer.encode,
            code=code,
            expected=expected,
            tries_code=tries_code,
            retired_cadres=self._settling.retired_cadres,
            carried_first=request.region in self._settling.carried_first_in,
            newest_first=request.region in self._newest_first_in,
            own_debts=self._own_debts.get(request.region, OwnDebts.DIFFERENCE),
            restated_cash_fen=restated_cash_fen,
        )

    def _code(
        self, request: pb.CorrectSettlementRequest, asked: Request, record: SettlementRecord
    ) -> Code | None:
        if not request.HasField("presentation"):
            return None
        if asked.caller.institution_id is None:
            fault = "a code is shown at the institution"
            refuse_faults([FieldFault("presentation", Reason.FIELD_OUT_OF_RANGE, fault)])
        return self._settling.trust.judge(
            request.presentation,
            region=request.region,
            audience=settlement_audience(record.institution_id),
            caller=asked.caller,
            now=self._settling.clock(),
        )


def bill_in_place(message: pb.CorrectedBill, record: SettlementRecord) -> Bill:
    """Returns the bill that a request puts in the place of a settled one."""
    return Bill(
        record.visit_id,
        record.bill_number,
        record.service_date,
        billed_lines_of(message.lines),
        message.total_fen,
        message.account_use == bill_pb2.ACCOUNT_USE_OWN,
        selection_of(message),
        record.is_interim,
        tuple([Given(each.fund_type, each.amount_fen) for each in message.payments_by_others]),
    )


def _expected_of(request: pb.CorrectSettlementRequest) -> CorrectionAmounts | None:
    """Returns what the person was told.

    Raises RuleError FIELD_OUT_OF_RANGE where its cash is not that of its parts: nothing could
    come out so.
    """
    if not request.HasField("expected"):
        return None
    told = request.expected
    names = GivenBack._fields
    expected = CorrectionAmounts(
        GivenBack(*(getattr(told.returned, name) for name in names)),
        Billed(*(getattr(told.billed, name) for name in names)),
    )
    cash_fen = expected.back.cash_fen
    if told.cash_back_fen != cash_fen:
        fault = f"is {cash_fen} by the parts beside it"
        refuse_faults([FieldFault("expected.cash_back_fen", Reason.FIELD_OUT_OF_RANGE, fault)])
    return expected


def corrected(done: CorrectionDone) -> bytes:
    """Returns a serialized CorrectSettlementResponse."""
    response = pb.CorrectSettlementResponse()
    reversal = done.reversal
    fill_settlement(response.settlement, done.settlement)
    fill_settlement(response.corrected, reversal.settlement)
    response.corrected.account_balance_fen = reversal.balance_after_fen
    response.corrected.carried_balance_fen = reversal.carried_after_fen
    fill_entries(response.corrected, reversal.entries)
    response.amounts.CopyFrom(correction_message(done.amounts))
    fill_adjusted(response, done.folded, institution_id=done.settlement.institution_id)
    return response.SerializeToString()


def correction_tried(response: bytes) -> pb.CorrectSettlementResponse:
    """Returns what a correction would answer: nothing of it has an id yet."""
    found = pb.CorrectSettlementResponse.FromString(response)
    new, old = found.settlement, found.corrected
    new.state = settlement_pb2.SETTLEMENT_STATE_TRIAL
    old.state = settlement_pb2.SETTLEMENT_STATE_SETTLED
    new.settlement_id = new.review_id = ""
    old.corrected_by_settlement_id = old.reversal_id = ""
    old.ClearField("reverse_time")
    leave_ids(found)
    return found
