"""Confirming a hold: it is booked at its place, for what was quoted."""

from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids, IdsAbove
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.elsewhere.treating import check_may_be_paid
from yibao_settlement.application.hold.find import own_hold
from yibao_settlement.application.hold.keeping import keep_hold
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.application.review.opening import opened_by
from yibao_settlement.application.settlement.adjusting import Because, adjust
from yibao_settlement.application.settlement.record import SettlementRecord, owed_entries
from yibao_settlement.rules.hold import HoldState
from yibao_settlement.rules.ledger import PostingKind

CONFIRM_METHOD = "ConfirmHold"


@dataclass(frozen=True, slots=True)
class ConfirmHold:
    """Settles a bill that the caller's institution holds.

    It reads no history and changes no window: the bill counted all the while.
    """

    request: Request
    hold_id: str
    # Writes a ConfirmHoldResponse.
    encode: Callable[[SettlementRecord], bytes]

    def needs(self) -> Needs:
        """Returns the hold."""
        return Needs(hold_ids=(self.hold_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Settles the held bill; see `Command`.

        Raises RuleError HOLD_NOT_FOUND, HOLD_EXPIRED, HOLD_RELEASED or HOLD_CONFIRMED,
        AUDIT_HOLD, THIRD_PARTY_LIABLE, OFFSITE_NOT_REGISTERED.
        """
        request = self.request
        hold = own_hold(working_set.holds.by_id.get(self.hold_id), self.hold_id, request.caller)
        hold.check_held(working_set.now)
        check_may_be_paid(hold.record, working_set)
        record = _settled(hold, request, working_set, ids)
        review = None
        if hold.findings:
            review = opened_by(record, hold.findings, review_id=ids())
            record = record._replace(review=review.note)
        # Nothing below refuses: from here on the working set changes.
        _book(record, request, working_set, ids)
        moved = hold.record.adjustment
        if moved is not None:
            because = Because(moved.cause, moved.cause_id)
            record = adjust(record, record, moved.effective, because, request, working_set, ids)
        if review is not None:
            working_set.open_review(review, caller=request.caller.path)
        _stand_settled(hold, record, working_set)
        return self.encode(record)


def _settled(hold: Hold, request: Request, working_set: WorkingSet, ids: Ids) -> SettlementRecord:
    """Returns what is booked: the quote, at the hold's place, by a request of its own.

    It is booked for who holds the account by now, as any bill of a merged person's visit.
    """
    quote, holder_id = hold.record, hold.holder_id
    newest = working_set.standing(holder_id).newest_settlement_id
    return quote._replace(
        settlement_id=IdsAbove(ids, newest or "")(),
        former_place=hold.hold_id,
        request_id=request.request_id,
        settled_by=request.caller.path,
        settle_time=working_set.now,
        person_id=holder_id,
        adjustment=None,
        is_held=False,
        entries=owed_entries(
            quote.fund_payments,
            quote.benefit,
            person_id=holder_id,
            account_fen=quote.account_fen,
            institution_id=quote.institution_id,
            carried_fen=quote.carried.paid_fen,
        ),
    )


def _book(record: SettlementRecord, request: Request, working_set: WorkingSet, ids: Ids) -> None:
    """Books the quote; years and windows count it already."""
    holder_id = record.person_id
    if record.account_fen:
        working_set.carry_over(holder_id, request, ids)
        working_set.change_person(holder_id, balance_change_fen=-record.account_fen)
    if record.family:
        working_set.family.of_acts[record.settlement_id] = record.family_fen
    if record.carried.paid_fen:
        working_set.move_carried(holder_id, -record.carried.paid_fen)
    working_set.note_newest(record)
    working_set.post(record.settlement_id, PostingKind.SETTLEMENT, record.entries, request)
    working_set.changes.settlements.append(record)
    working_set.settlements[record.settlement_id] = record


def _stand_settled(hold: Hold, record: SettlementRecord, working_set: WorkingSet) -> None:
    """Keeps that the settlement stands where the hold stood, with the lines that it took."""
    bill = hold.standing_bill._replace(settlement_id=record.settlement_id)
    working_set.keep_bill(record.visit_id, record.bill_number, bill)
    for charge in list(working_set.charges.get(record.visit_id, {}).values()):
        if charge.settlement_id == hold.hold_id:
            working_set.take_charge(charge, record.settlement_id)
    ended = hold._replace(
        state=HoldState.CONFIRMED,
        end_time=working_set.now,
        ended_by=record.settled_by,
        settlement_id=record.settlement_id,
    )
    keep_hold(ended, working_set)
