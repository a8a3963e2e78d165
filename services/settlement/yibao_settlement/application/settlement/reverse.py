"""Reversing a settlement in full: entries of the opposite sign, never a change."""

from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.adjusting import Because, adjust, book_folded
from yibao_settlement.application.settlement.folded import Folded, Reversal
from yibao_settlement.application.settlement.naming import begun_fold, named_settlement, told_to
from yibao_settlement.application.settlement.newest_first import check_newest_first
from yibao_settlement.application.settlement.purses import BackToPurses
from yibao_settlement.application.settlement.record import (
    ReversalNote,
    SettlementRecord,
)
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.ledger import (
    PostingKind,
    opposite,
)
from yibao_settlement.rules.review import WAITING, ReviewAct, withdraw
from yibao_settlement.rules.stay import left_ended

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

    def needs(self) -> Needs:
        """Returns the settlement, and the stays that its person is in by now."""
        settlement_ids = (self.settlement_id,)
        return Needs(
            settlement_ids=settlement_ids,
            leaving_settlement_ids=settlement_ids,
            stay_settlement_ids=settlement_ids,
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Reverses the settlement; see `Command`.

        Raises RuleError SETTLEMENT_NOT_FOUND, SETTLEMENT_REVERSED, READJUDICATION_FAILED or
        LATER_SETTLEMENTS_EXIST.
        """
        request = self.request
        record = named_settlement(working_set, self.settlement_id, request.caller)
        reversal = reversal_of(record, request, working_set, ids, reason=self.reason)
        if self.newest_first:
            later = working_set.later_bills(record)
            check_newest_first(record, reversal.folded, later, request.caller)
        response = self.encode(reversal)
        if request.is_trial:
            return response
        # Nothing below refuses: from here on the working set changes.
        book_reversal(reversal, request, working_set, ids)
        withdraw_review(reversal, request, working_set, reason=self.reason)
        if request.caller.institution_id is None:
            self._put_on_record(reversal, working_set)
        return response

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


def reversal_of(
    record: SettlementRecord,
    request: Request,
    working_set: WorkingSet,
    ids: Ids,
    *,
    reason: str,
) -> Reversal:
    """Returns the reversal of a settlement that stands; nothing is booked yet.

    Raises RuleError READJUDICATION_FAILED where a later bill cannot do without it.
    """
    with told_to(request.caller):
        fold = begun_fold(record, working_set)
        fold.decide(working_set.later_bills(record))
    return reversal_by(fold.result(), record, request, working_set, ids, reason=reason)


def reversal_by(
    folded: Folded,
    record: SettlementRecord,
    request: Request,
    working_set: WorkingSet,
    ids: Ids,
    *,
    reason: str,
) -> Reversal:
    """Returns the reversal of a settlement by which later bills become what is `folded`."""
    note = ReversalNote(ids(), working_set.now, reason, request.caller.path)
    balance_fen, carried_fen = back_of(record).after(working_set)
    return Reversal(
        record._replace(reversal=note),
        opposite(record.entries),
        balance_fen,
        carried_fen,
        folded,
    )


def back_of(record: SettlementRecord) -> BackToPurses:
    """Returns what goes back to the account when a settlement is reversed."""
    return BackToPurses(record, record.account_fen, record.carried.paid_fen)


def reversal_detail(reversal: Reversal, *, reason: str) -> dict[str, str]:
    """Returns what the audit tells of a reversal by an agency; the ledger checker asks for it."""
    record = reversal.settlement
    return {
        "settlement": record.settlement_id,
        "reversal": reversal.reversal_id,
        "institution": record.institution_id,
        "fund_total_fen": str(record.fund_total_fen),
        "account_fen": str(record.account_fen),
        "reason": reason,
    }


def book_reversal(
    reversal: Reversal,
    request: Request,
    working_set: WorkingSet,
    ids: Ids,
    *,
    cause: Cause = Cause.REVERSAL,
) -> None:
    """Books a reversal: postings, the person's windows and account, what it frees and moves.

    Of a correction it is the first half: the bill stands again at once.
    """
    record = reversal.settlement
    holder_id = working_set.holder_of(record.person_id)
    back = back_of(record)
    back.carry_over(request, working_set, ids)
    is_corrected = cause is Cause.CORRECTION
    _book(reversal, request, working_set, holder_id=holder_id, is_corrected=is_corrected)
    because = Because(cause, reversal.reversal_id)
    if record.adjustment is not None:
        # What had moved of it is taken back beside the counter's column.
        adjust(
            *(record, record, record.counter, because, request, working_set, ids),
            taken=back.taken(working_set),
        )
    book_folded(reversal.folded, because, request, working_set, ids)
    back.sort(request, working_set, ids)


def withdraw_review(
    reversal: Reversal, request: Request, working_set: WorkingSet, *, reason: str
) -> None:
    """Closes the case of a settlement, if there is one that waits: nothing is left of it."""
    review = working_set.reviews.get(reversal.settlement.settlement_id)
    if review is not None and review.state in WAITING:
        withdrawn = withdraw(review, now=working_set.now, reversal_id=reversal.reversal_id)
        caller = request.caller.path
        working_set.change_review(withdrawn, ReviewAct.WITHDRAWN, caller=caller, reason=reason)


def _book(
    reversal: Reversal,
    request: Request,
    working_set: WorkingSet,
    *,
    holder_id: str,
    is_corrected: bool,
) -> None:
    record = reversal.settlement
    assert record.reversal is not None
    changes = reversal.folded.changes
    working_set.keep(holder_id, changes, balance_change_fen=record.account_fen)
    working_set.post(record.reversal.reversal_id, PostingKind.REVERSAL, reversal.entries, request)
    working_set.changes.reversals.append(record)
    free_bill(record, working_set, is_corrected=is_corrected)
    working_set.settlements[record.settlement_id] = record


def free_bill(
    record: SettlementRecord, working_set: WorkingSet, *, is_corrected: bool = False
) -> None:
    """Keeps that a bill does not stand any more: it and its lines may be settled anew.

    One that is corrected does at once, so that nothing becomes of its stay.
    """
    working_set.settled_bills.get(record.visit_id, {}).pop(record.bill_number, None)
    if not is_corrected:
        _keep_ended(record, working_set)
    # What it took may be settled anew; what it carried itself is as if it had not been.
    for charge in list(working_set.charges.get(record.visit_id, {}).values()):
        if charge.settlement_id == record.settlement_id:
            working_set.take_charge(charge, None)


def _keep_ended(record: SettlementRecord, working_set: WorkingSet) -> None:
    """Keeps the stay ended that the bill ended, where its person has another open one."""
    visit = working_set.visits.get(record.visit_id)
    if visit is None or not visit.is_undischarged_stay:
        return
    ended = left_ended(
        visit,
        working_set.bills_of(visit.visit_id),
        open_stays=working_set.open_stays(visit.person_id),
        last_day=record.service_date,
    )
    if ended is not None:
        working_set.change_visit(ended)
