"""Returning lines of a settled bill: the rest is decided twice, at the counter and in the fold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.changes import Refunded
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.adjusting import Because, adjust, book_folded
from yibao_settlement.application.settlement.fold import Restate
from yibao_settlement.application.settlement.folded import Folded
from yibao_settlement.application.settlement.naming import begun_fold, named_settlement, told_to
from yibao_settlement.application.settlement.newest_first import check_newest_first
from yibao_settlement.application.settlement.purses import BackToPurses
from yibao_settlement.application.settlement.record import Adjustment, Effective, SettlementRecord
from yibao_settlement.application.settlement.refunded import GivenBack, Refund
from yibao_settlement.application.settlement.remainder import (
    given_back,
    refund_entries,
    remainder_of,
    terms_left,
)
from yibao_settlement.application.settlement.restating import (
    Restating,
    answered,
    book_restated,
    restating_ids,
)
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.ledger import Entry, PostingKind
from yibao_settlement.rules.refund import AskedReturn, RefundOrder, lines_left
from yibao_settlement.rules.restating import OwnDebts, check_restated_cash
from yibao_settlement.rules.stay import returned_whole

REFUND_METHOD = "RefundSettlement"


class RefundDone(NamedTuple):
    """A settlement before and after a refund, with what it posts and moves."""

    before: SettlementRecord
    # What is left of it, and costs whom by now; its last refund is this one.
    left: SettlementRecord
    entries: tuple[Entry, ...]
    folded: Folded

    @property
    def refund(self) -> Refund:
        """The refund."""
        return self.left.refunds[-1]


@dataclass(frozen=True, slots=True)
class RefundSettlement:
    """Returns lines of a settlement: an institution of its own, an agency of any."""

    request: Request
    settlement_id: str
    returned: tuple[AskedReturn, ...]
    reason: str
    # Writes a RefundSettlementResponse.
    encode: Callable[[RefundDone], bytes]
    # What the person was told would be given back; None where the caller did not say.
    expected: GivenBack | None = None
    order: RefundOrder = RefundOrder.ACCOUNT_FIRST
    carried_first: bool = False
    # Whether the own account gets back before those of relatives.
    own_first: bool = False
    # Whether the region lets institutions take back the newest bills first alone.
    newest_first: bool = False
    # What the region says of the institution's own later bills that it would leave unpaid.
    own_debts: OwnDebts = OwnDebts.DIFFERENCE
    # What the person was told to pay for those that are restated.
    restated_cash_fen: int | None = None

    def needs(self) -> Needs:
        """Returns the settlement, with the later bills of its person."""
        settlement_ids = (self.settlement_id,)
        return Needs(
            settlement_ids=settlement_ids,
            leaving_settlement_ids=settlement_ids,
            restating_settlement_ids=restating_ids(self.request, settlement_ids, self.own_debts),
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Returns the lines; see `Command`.

        Raises RuleError SETTLEMENT_NOT_FOUND, SETTLEMENT_REVERSED, REQUEST_ID_REUSED, those of
        `lines_left`, what the policy refuses of the rest, AMOUNTS_NOT_CONFIRMED,
        AMOUNTS_NOT_AS_EXPECTED, READJUDICATION_FAILED, LATER_SETTLEMENTS_EXIST.
        """
        done = self.tried(working_set, ids)
        if self.request.is_trial:
            return self.encode(done)
        self._check_expected(done)
        response = self.encode(done)
        # Nothing below refuses: from here on the working set changes.
        self.carry_out(done, working_set, ids)
        return response

    def tried(self, working_set: WorkingSet, ids: Ids) -> RefundDone:
        """Returns what it would do, and books nothing; raises as `decide` of a trial."""
        record = named_settlement(working_set, self.settlement_id, self.request.caller)
        self._check_new(record)
        return self._done(record, working_set, ids)

    def _check_new(self, record: SettlementRecord) -> None:
        """Refuses a repeat that comes when the first answer is no longer kept."""
        request_id = self.request.request_id
        if any(each.request_id == request_id for each in record.refunds):
            raise RuleError(
                Reason.REQUEST_ID_REUSED,
                f"request_id {request_id} has returned lines of the settlement",
                request_id=request_id,
            )

    def _done(self, record: SettlementRecord, working_set: WorkingSet, ids: Ids) -> RefundDone:
        lines = lines_left(record.lines, record.particulars, self.returned)
        policy = working_set.policy_of(record)
        if policy is None:
            raise RuleError(
                Reason.READJUDICATION_FAILED,
                f"the policy of settlement {record.settlement_id} is not stored",
            )
        left = remainder_of(
            *(record, lines, policy),
            order=self.order,
            carried_first=self.carried_first,
            own_first=self.own_first,
        )
        back = given_back(record, left)
        purses = _purses(record, left)
        balance_fen, carried_fen = purses.after(working_set)
        refund = Refund(
            ids(),
            record.settlement_id,
            len(record.refunds) + 1,
            self.request.request_id,
            working_set.now,
            self.reason,
            self.request.caller.path,
            lines.returned,
            back,
            balance_fen,
            carried_fen,
        )
        left = left._replace(
            refunds=(*record.refunds, refund),
            first=record.as_settled,
            moved_fen=record.moved_fen - purses.taken(working_set).balance_fen,
            newest_terms=terms_left(record, self.returned, refund),
        )
        effective, folded = self._folded(record, left, working_set)
        left = left._replace(adjustment=_adjustment(refund, record, effective))
        done = RefundDone(record, left, refund_entries(record, left), folded)
        if self.newest_first:
            later = working_set.later_bills(record)
            check_newest_first(record, folded, later, self.request.caller)
        return self._answered(done, working_set, ids)

    def _folded(
        self,
        record: SettlementRecord,
        left: SettlementRecord,
        working_set: WorkingSet,
        restate: Restate | None = None,
    ) -> tuple[Effective, Folded]:
        """Returns what the rest costs by now and what becomes of the bills behind."""
        with told_to(self.request.caller):
            fold = begun_fold(record, working_set)
            effective = fold.decided(left)
            fold.decide(working_set.later_bills(record), restate)
        return effective, fold.result()

    def _answered(self, done: RefundDone, working_set: WorkingSet, ids: Ids) -> RefundDone:
        """Returns the refund with what the region says of the bills behind."""
        record, refund = done.before, done.refund
        standing = working_set.standing(working_set.holder_of(record.person_id))
        restating = Restating(
            *(self.request, working_set, ids),
            institution_id=record.institution_id,
            held=Purses(
                refund.balance_after_fen - refund.carried_after_fen, refund.carried_after_fen
            ),
            newest_id=standing.newest_settlement_id or "",
            reason=self.reason,
            carried_first=self.carried_first,
        )
        folded = answered(
            *(done.folded, record, self.request, self.own_debts),
            lambda: self._folded(record, done.left, working_set, restating)[1],
        )
        return done._replace(folded=folded)

    def _check_expected(self, done: RefundDone) -> None:
        back = done.refund.given_back
        if self.expected not in (None, back):
            raise _refusal(Reason.AMOUNTS_NOT_AS_EXPECTED, back)
        if self.expected is None and back.account_fen + back.cash_fen < 0:
            # Less care, and the person pays more: nobody reads that off the receipt.
            raise _refusal(Reason.AMOUNTS_NOT_CONFIRMED, back)
        check_restated_cash(
            done.folded.restated_cash_fen,
            count=len(done.folded.restated),
            expected_fen=self.restated_cash_fen,
        )

    def carry_out(self, done: RefundDone, working_set: WorkingSet, ids: Ids) -> None:
        """Books what was tried over the same working set; refuses nothing."""
        request, refund = self.request, done.refund
        purses = _purses(done.before, done.left)
        purses.carry_over(request, working_set, ids)
        working_set.keep(
            working_set.holder_of(done.before.person_id),
            done.folded.changes,
            balance_change_fen=purses.account_fen,
        )
        settled, kind = done.before.settle_time, PostingKind.REFUND
        working_set.post(refund.refund_id, kind, done.entries, request, changed_time=settled)
        if purses.family_fen:
            working_set.family.of_acts[refund.refund_id] = -purses.family_fen
        working_set.changes.refunds.append(Refunded(refund, done.left))
        _leave_lines(done.left, working_set)
        if done.left.newest_terms is not None:
            working_set.changes.terms.append(done.left.newest_terms)
        because = Because(Cause.REFUND, refund.refund_id)
        adjust(
            *(done.before, done.left, done.left.effective, because, request, working_set, ids),
            taken=purses.taken(working_set),
        )
        book_folded(done.folded, because, request, working_set, ids)
        purses.sort(request, working_set, ids)
        book_restated(done.folded, request, working_set, ids)
        if request.caller.institution_id is None:
            self._put_on_record(done, working_set)

    def _put_on_record(self, done: RefundDone, working_set: WorkingSet) -> None:
        """Tells of an agency that gives back what an institution had settled."""
        record, back = done.before, done.refund.given_back
        working_set.audit.add(
            entry_of(
                self.request,
                at=working_set.now,
                subject_ids=(record.person_id, record.settlement_id),
                detail={
                    "settlement": record.settlement_id,
                    "refund": done.refund.refund_id,
                    "institution": record.institution_id,
                    "fund_total_fen": str(back.fund_total_fen),
                    "account_fen": str(back.account_fen),
                    "reason": self.reason,
                },
            )
        )


def _leave_lines(left: SettlementRecord, working_set: WorkingSet) -> None:
    """Keeps that the lines of a bill of which nothing is left may be charged again."""
    bill = working_set.settled_bills.get(left.visit_id, {}).get(left.bill_number)
    if bill is not None and not left.total_fen:
        working_set.keep_bill(left.visit_id, left.bill_number, returned_whole(bill))


def _refusal(reason: Reason, back: GivenBack) -> RuleError:
    return RuleError(
        reason,
        f"{back.fund_total_fen} fen go back to the funds, {back.other_total_fen} to others, "
        f"{back.account_fen} to the account and {back.cash_fen} in cash",
        fund_total_fen=back.fund_total_fen,
        other_total_fen=back.other_total_fen,
        account_fen=back.account_fen,
        cash_fen=back.cash_fen,
    )


def _adjustment(refund: Refund, record: SettlementRecord, effective: Effective) -> Adjustment:
    """Returns that what is left costs so much now, before the posting of it has an id."""
    return Adjustment(
        record.settlement_id,
        record.revision + 1,
        refund.refund_time,
        Cause.REFUND,
        refund.refund_id,
        None,
        effective,
    )


def _purses(before: SettlementRecord, left: SettlementRecord) -> BackToPurses:
    return BackToPurses(
        before,
        before.account_fen - left.account_fen,
        before.carried.paid_fen - left.carried.paid_fen,
        before.family_fen - left.family_fen,
    )
