"""What reversing a bill is made of: what goes back, what it frees, what it moves.

Corrections and releases of holds do some of it, too.
"""

from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.adjusting import Because, adjust, book_folded
from yibao_settlement.application.settlement.fold import Restate
from yibao_settlement.application.settlement.folded import Folded, Reversal
from yibao_settlement.application.settlement.naming import begun_fold, told_to
from yibao_settlement.application.settlement.purses import BackToPurses
from yibao_settlement.application.settlement.record import (
    ReversalNote,
    SettlementRecord,
)
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.ledger import PostingKind, opposite
from yibao_settlement.rules.review import WAITING, ReviewAct, withdraw
from yibao_settlement.rules.stay import left_ended


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
    folded = folded_without(record, request, working_set)
    return reversal_by(folded, record, request, working_set, ids, reason=reason)


def folded_without(
    record: SettlementRecord,
    request: Request,
    working_set: WorkingSet,
    restate: Restate | None = None,
) -> Folded:
    """Returns what becomes of later bills without a settlement, of which some are restated.

    Raises RuleError READJUDICATION_FAILED where one cannot do without it.
    """
    with told_to(request.caller):
        fold = begun_fold(record, working_set)
        fold.decide(working_set.later_bills(record), restate)
    return fold.result()


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
    note = ReversalNote(
        ids(), working_set.now, reason, request.caller.path, request.request_id or None
    )
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
    return BackToPurses(record, record.account_fen, record.carried.paid_fen, record.family_fen)


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
    working_set.post(
        record.reversal.reversal_id,
        PostingKind.REVERSAL,
        reversal.entries,
        request,
        changed_time=record.settle_time,
    )
    if record.family:
        working_set.family.of_acts[record.reversal.reversal_id] = -record.family_fen
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
