"""Reversing a settlement in full: entries of the opposite sign, never a change."""

from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.folded import Reversal
from yibao_settlement.application.settlement.naming import named_settlement
from yibao_settlement.application.settlement.newest_first import check_newest_first
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.restating import (
    Restating,
    answered,
    book_restated,
    restating_ids,
)
from yibao_settlement.application.settlement.reversing import (
    back_of,
    book_reversal,
    folded_without,
    reversal_by,
    reversal_detail,
    withdraw_review,
)
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.restating import OwnDebts, check_restated_cash

REVERSE_METHOD = "ReverseSettlement"


@dataclass(frozen=True, slots=True)
class ReverseSettlement:
    """Reverses a settlement: an institution its own, an agency any of its region."""

    request: Request
    settlement_id: str
    reason: str
    # Writes a ReverseSettlementResponse.
    encode: Callable[[Reversal], bytes]
    # Whether the region lets institutions take back the newest bills first alone.
    newest_first: bool = False
    # What the region says of the institution's own later bills that it would leave unpaid.
    own_debts: OwnDebts = OwnDebts.DIFFERENCE
    # What the person was told to pay for those that are restated.
    restated_cash_fen: int | None = None
    carried_first: bool = False

    def needs(self) -> Needs:
        """Returns the settlement, and the stays that its person is in by now."""
        settlement_ids = (self.settlement_id,)
        return Needs(
            settlement_ids=settlement_ids,
            leaving_settlement_ids=settlement_ids,
            stay_settlement_ids=settlement_ids,
            restating_settlement_ids=restating_ids(self.request, settlement_ids, self.own_debts),
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Reverses the settlement; see `Command`.

        Raises RuleError SETTLEMENT_NOT_FOUND, SETTLEMENT_REVERSED, READJUDICATION_FAILED,
        LATER_SETTLEMENTS_EXIST, AMOUNTS_NOT_CONFIRMED or AMOUNTS_NOT_AS_EXPECTED.
        """
        reversal = self.tried(working_set, ids)
        response = self.encode(reversal)
        if self.request.is_trial:
            return response
        folded = reversal.folded
        check_restated_cash(
            folded.restated_cash_fen,
            count=len(folded.restated),
            expected_fen=self.restated_cash_fen,
        )
        # Nothing below refuses: from here on the working set changes.
        self.carry_out(reversal, working_set, ids)
        return response

    def tried(self, working_set: WorkingSet, ids: Ids) -> Reversal:
        """Returns what it would do, and books nothing; raises as `decide` of a trial."""
        record = named_settlement(working_set, self.settlement_id, self.request.caller)
        return self._reversal(record, working_set, ids)

    def carry_out(self, done: Reversal, working_set: WorkingSet, ids: Ids) -> None:
        """Books what was tried over the same working set; refuses nothing."""
        request = self.request
        book_reversal(done, request, working_set, ids)
        withdraw_review(done, request, working_set, reason=self.reason)
        book_restated(done.folded, request, working_set, ids)
        if request.caller.institution_id is None:
            self._put_on_record(done, working_set)

    def _reversal(self, record: SettlementRecord, working_set: WorkingSet, ids: Ids) -> Reversal:
        """Returns the reversal, with what the region says of the bills behind."""
        request = self.request
        folded = folded_without(record, request, working_set)
        if self.newest_first:
            check_newest_first(record, folded, working_set.later_bills(record), request.caller)
        balance_fen, carried_fen = back_of(record).after(working_set)
        standing = working_set.standing(working_set.holder_of(record.person_id))
        restating = Restating(
            *(request, working_set, ids),
            institution_id=record.institution_id,
            held=Purses(balance_fen - carried_fen, carried_fen),
            newest_id=standing.newest_settlement_id or "",
            reason=self.reason,
            carried_first=self.carried_first,
        )
        folded = answered(
            *(folded, record, request, self.own_debts),
            lambda: folded_without(record, request, working_set, restating),
        )
        return reversal_by(folded, record, request, working_set, ids, reason=self.reason)

    def _put_on_record(self, reversal: Reversal, working_set: WorkingSet) -> None:
        """Tells of an agency that takes back what an institution did."""
        record = reversal.settlement
        working_set.audit.add(
            entry_of(
                self.request,
                at=working_set.now,
                subject_ids=(record.person_id, record.settlement_id),
                detail=reversal_detail(reversal, reason=self.reason),
            )
        )
