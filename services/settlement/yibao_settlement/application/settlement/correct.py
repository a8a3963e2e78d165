"""Correcting a settled bill: another one in its place, at the institution that settled it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.changes import CodeUse
from yibao_settlement.application.batch.command import Code
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.charge.taking import Taking
from yibao_settlement.application.elsewhere.treating import check_may_be_paid_more
from yibao_settlement.application.mapping.lines import needed_codes
from yibao_settlement.application.presentation import (
    accepted,
    check_code,
    keys_of_code,
    use_code,
)
from yibao_settlement.application.review.opening import opened_by
from yibao_settlement.application.settlement.corrected import CorrectionAmounts
from yibao_settlement.application.settlement.fold import Fold, Restate
from yibao_settlement.application.settlement.folded import Folded, Reversal, exchanged
from yibao_settlement.application.settlement.in_place import book_in_place
from yibao_settlement.application.settlement.naming import begun_fold, named_settlement, told_to
from yibao_settlement.application.settlement.newest_first import check_newest_first
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.replacing import Replacing
from yibao_settlement.application.settlement.restating import (
    Restating,
    answered,
    book_restated,
    restating_ids,
)
from yibao_settlement.application.settlement.reversing import (
    book_reversal,
    reversal_by,
    reversal_detail,
    withdraw_review,
)
from yibao_settlement.application.settlement.settle import take_charges
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.bill import Bill
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.finding import RETIRED_CADRES, RetiredCadres
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.restating import OwnDebts, check_restated_cash
from yibao_settlement.rules.review import Review

CORRECT_METHOD = "CorrectSettlement"


class CorrectionDone(NamedTuple):
    """A settlement with its reversal, and the one that takes its place."""

    reversal: Reversal
    settlement: SettlementRecord
    review: Review | None
    taking: Taking

    @property
    def folded(self) -> Folded:
        """What it moves of later bills."""
        return self.reversal.folded

    @property
    def amounts(self) -> CorrectionAmounts:
        """What the counter gives back and what it asks for."""
        return exchanged(self.reversal.settlement, self.settlement)


@dataclass(frozen=True, slots=True)
class CorrectSettlement:
    """Puts another bill in the place of a settled one: of the own institution, an agency any.

    `bill` is of the visit, number and day of that which it corrects, which never change.
    """

    request: Request
    settlement_id: str
    bill: Bill
    reason: str
    # Writes a CorrectSettlementResponse.
    encode: Callable[[CorrectionDone], bytes]
    # By which the account may pay more than it paid; None where none is shown.
    code: Code | None = None
    # What the person was told; None where the caller did not say.
    expected: CorrectionAmounts | None = None
    # Whether a trial tells what comes out with a code.
    tries_code: bool = False
    retired_cadres: RetiredCadres = RETIRED_CADRES
    carried_first: bool = False
    # Whether the region lets institutions take back the newest bills first alone.
    newest_first: bool = False
    # What the region says of the institution's own later bills that it would leave unpaid.
    own_debts: OwnDebts = OwnDebts.DIFFERENCE
    # What the person was told to pay for those that are restated.
    restated_cash_fen: int | None = None

    def needs(self) -> Needs:
        """Returns the settlement with the later bills of its person, and what settling needs."""
        bill, settlement_ids = self.bill, (self.settlement_id,)
        subjects, code_ids, token_hashes = keys_of_code(self.code)
        return Needs(
            visit_ids=(bill.visit_id,),
            subjects=subjects,
            code_ids=code_ids,
            token_hashes=token_hashes,
            settlement_ids=settlement_ids,
            leaving_settlement_ids=settlement_ids,
            item_codes=[line.item_code for line in bill.lines],
            charged_visit_ids=(bill.visit_id,) if bill.needs_charges else (),
            reviewed_visit_ids=(bill.visit_id,),
            own_codes=needed_codes(bill.visit_id, bill.lines),
            treating_institution_ids=tuple(filter(None, [self.request.caller.institution_id])),
            restating_settlement_ids=restating_ids(self.request, settlement_ids, self.own_debts),
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Corrects the settlement; see `Command`.

        Raises RuleError SETTLEMENT_NOT_FOUND, SETTLEMENT_REVERSED, those of a code, those of
        `Replacing`, where the funds pay more AUDIT_HOLD, THIRD_PARTY_LIABLE,
        OFFSITE_NOT_REGISTERED and OFFSITE_FEED_STALE, READJUDICATION_FAILED,
        LATER_SETTLEMENTS_EXIST, AMOUNTS_NOT_CONFIRMED, AMOUNTS_NOT_AS_EXPECTED.
        """
        request = self.request
        record = named_settlement(working_set, self.settlement_id, request.caller)
        code = self._code(record, working_set)
        done = self._done(record, working_set, ids)
        if request.is_trial:
            return self.encode(done)
        self._check_expected(done)
        response = self.encode(done)
        # Nothing below refuses: from here on the working set changes.
        if code is not None:
            new = done.settlement
            use = CodeUse(code, request.request_id, new.institution_id, new.settlement_id)
            use_code(working_set, new.person_id, use)
        self.carry_out(done, working_set, ids)
        return response

    def tried(self, working_set: WorkingSet, ids: Ids) -> CorrectionDone:
        """Returns what it would do, and books nothing; raises as `decide` of a trial."""
        record = named_settlement(working_set, self.settlement_id, self.request.caller)
        return self._done(record, working_set, ids)

    def _code(self, record: SettlementRecord, working_set: WorkingSet) -> PresentedCode | None:
        if self.code is None:
            return None
        code = accepted(self.code, working_set, institution_id=record.institution_id)
        holder_id = working_set.holder_of(record.person_id)
        check_code(working_set, code, holder_id, institution_id=record.institution_id)
        return code

    def _done(self, record: SettlementRecord, working_set: WorkingSet, ids: Ids) -> CorrectionDone:
        request = self.request
        fold = begun_fold(record, working_set)
        replacing = Replacing(
            record,
            self.bill,
            working_set,
            with_code=self.code is not None or self.tries_code,
            carried_first=self.carried_first,
        )
        new = replacing.settled(fold, request, ids)
        if new.fund_total_fen > record.in_effect.fund_total_fen:
            check_may_be_paid_more(record, working_set)
        findings = replacing.found_with(new, retired_cadres=self.retired_cadres)
        review = opened_by(new, findings, review_id=ids()) if findings else None
        if review is not None:
            new = new._replace(review=review.note)
        folded = self._folded(fold, record, new, working_set)
        if self.newest_first:
            check_newest_first(record, folded, working_set.later_bills(record), request.caller)
        assert new.correction is not None, "it takes a place"
        balance_fen, carried_fen = new.correction[2:]
        restating = Restating(
            *(request, working_set, ids),
            institution_id=record.institution_id,
            held=Purses(balance_fen - carried_fen, carried_fen),
            newest_id=new.settlement_id,
            reason=self.reason,
            carried_first=self.carried_first,
        )
        folded = answered(
            *(folded, record, request, self.own_debts),
            lambda: self._folded(
                begun_fold(record, working_set), record, new, working_set, restating
            ),
        )
        reversal = reversal_by(folded, record, request, working_set, ids, reason=self.reason)
        gone = reversal.settlement._replace(corrected_by_id=new.settlement_id)
        return CorrectionDone(reversal._replace(settlement=gone), new, review, replacing.taking)

    def _folded(
        self,
        fold: Fold,
        record: SettlementRecord,
        new: SettlementRecord,
        working_set: WorkingSet,
        restate: Restate | None = None,
    ) -> Folded:
        """Returns what becomes of the bills behind, of which some are restated."""
        fold.put(new, new.counter)
        with told_to(self.request.caller):
            fold.decide(working_set.later_bills(record), restate)
        return fold.result()

    def _check_expected(self, done: CorrectionDone) -> None:
        amounts, folded = done.amounts, done.folded
        if self.expected not in (None, amounts):
            raise _refusal(Reason.AMOUNTS_NOT_AS_EXPECTED, amounts)
        if self.expected is None and amounts.back.cash_fen < 0:
            # The person has to pay at the counter what nobody reads off the receipt.
            raise _refusal(Reason.AMOUNTS_NOT_CONFIRMED, amounts)
        check_restated_cash(
            folded.restated_cash_fen,
            count=len(folded.restated),
            expected_fen=self.restated_cash_fen,
        )

    def carry_out(self, done: CorrectionDone, working_set: WorkingSet, ids: Ids) -> None:
        """Books what was tried over the same working set, but for a code; refuses nothing."""
        request, new = self.request, done.settlement
        book_reversal(done.reversal, request, working_set, ids, cause=Cause.CORRECTION)
        withdraw_review(done.reversal, request, working_set, reason=self.reason)
        book_in_place(new, request, working_set, ids)
        take_charges(done.taking, new, working_set)
        if done.review is not None:
            working_set.open_review(done.review, caller=request.caller.path)
        book_restated(done.folded, request, working_set, ids)
        if request.caller.institution_id is None:
            self._put_on_record(done, working_set)

    def _put_on_record(self, done: CorrectionDone, working_set: WorkingSet) -> None:
        """Tells of an agency that corrects what an institution did."""
        record, new = done.reversal.settlement, done.settlement
        detail = reversal_detail(done.reversal, reason=self.reason)
        working_set.audit.add(
            entry_of(
                self.request,
                at=working_set.now,
                subject_ids=(new.person_id, record.settlement_id, new.settlement_id),
                detail={**detail, "corrected_by": new.settlement_id},
            )
        )


def _refusal(reason: Reason, amounts: CorrectionAmounts) -> RuleError:
    back = amounts.back
    return RuleError(
        reason,
        f"by both together {back.fund_total_fen} fen go back to the funds, "
        f"{back.other_total_fen} to others, {back.account_fen} to the account and "
        f"{back.cash_fen} in cash",
        fund_total_fen=back.fund_total_fen,
        other_total_fen=back.other_total_fen,
        account_fen=back.account_fen,
        cash_fen=back.cash_fen,
    )
