"""Restating: later bills of the institution are corrected to what they cost by now.

Each is reversed and settled anew at its place with the same lines and terms, so that the counter's
column is the effective one, and what lay between them is asked for or given back at the counter.
"""

from collections.abc import Callable

from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids, IdsAbove
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.family.offers import asked_again
from yibao_settlement.application.review.opening import opened_by
from yibao_settlement.application.settlement.corrected import Correction
from yibao_settlement.application.settlement.folded import Folded, Restated, Reversal
from yibao_settlement.application.settlement.in_place import book_in_place
from yibao_settlement.application.settlement.newest_first import later_settlements_exist
from yibao_settlement.application.settlement.record import (
    Effective,
    ReversalNote,
    SettlementRecord,
)
from yibao_settlement.application.settlement.remainder import asked_of_account
from yibao_settlement.application.settlement.reversing import (
    back_of,
    book_reversal,
    withdraw_review,
)
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.ledger import opposite
from yibao_settlement.rules.restating import OwnDebts
from yibao_settlement.rules.review import WAITING, Review


class Restating:
    """Later bills while they are restated, in the order of their places; nothing is booked.

    `held` is what the account holds once the bill that was named has given back its part.
    """

    def __init__(
        self,
        request: Request,
        working_set: WorkingSet,
        ids: Ids,
        *,
        institution_id: str,
        held: Purses,
        newest_id: str,
        reason: str,
        carried_first: bool,
    ) -> None:
        """Takes who restates and why; ids of new settlements are above `newest_id`."""
        self._request = request
        self._working_set = working_set
        self._ids = ids
        self._settlement_ids = IdsAbove(ids, newest_id)
        self._institution_id = institution_id
        self._held = held
        self._reason = reason
        self._carried_first = carried_first

    def __call__(self, record: SettlementRecord, effective: Effective) -> Restated | None:
        """Returns a bill restated, None for one that stays as it is at the counter.

        Raises RuleError where its policy cannot decide it so.
        """
        is_own = record.institution_id == self._institution_id and not record.is_held
        if not is_own or effective.borne == record.effective.borne:
            return None
        new = self._settled(record, effective)
        review = self._review(record, new)
        if review is not None:
            new = new._replace(review=review.note)
        note = ReversalNote(
            self._ids(),
            self._working_set.now,
            self._reason,
            self._request.caller.path,
            self._request.request_id or None,
        )
        gone = record._replace(reversal=note, corrected_by_id=new.settlement_id)
        reversal = Reversal(
            gone,
            opposite(record.entries),
            self._held.balance_fen + new.account_fen - new.family_fen,
            self._held.carried_fen + new.carried.paid_fen,
            Folded({}),
        )
        return Restated(reversal, new, review)

    def _settled(self, record: SettlementRecord, effective: Effective) -> SettlementRecord:
        working_set = self._working_set
        # On the terms that decide what it costs by now.
        terms = record.in_effect
        policy = working_set.policy_of(terms)
        assert policy is not None, "the fold has decided by it"
        back = back_of(record)
        own = back.own(working_set)
        new = asked_of_account(
            terms._replace(
                person_id=working_set.holder_of(record.person_id),
                year_before=effective.year_before,
                family=asked_again(back, working_set),
            ),
            policy,
            purses=own,
            account_fen=effective.account_fen,
            carried_first=self._carried_first,
        )
        self._held = Purses(
            self._held.current_year_fen
            + own.current_year_fen
            - (new.account_fen - new.family_fen - new.carried.paid_fen),
            self._held.carried_fen + own.carried_fen - new.carried.paid_fen,
        )
        settlement_id = self._settlement_ids()
        return new._replace(
            settlement_id=settlement_id,
            request_id=self._request.request_id,
            settled_by=self._request.caller.path,
            settle_time=working_set.now,
            former_place=record.place,
            correction=Correction(
                settlement_id,
                record.settlement_id,
                self._held.balance_fen,
                self._held.carried_fen,
            ),
            # Nothing that became of the old one is the new one's.
            adjustment=None,
            review=None,
            refunds=(),
            first=None,
            moved_fen=0,
            newest_terms=None,
        )

    def _review(self, record: SettlementRecord, new: SettlementRecord) -> Review | None:
        """Returns the case that waits of a bill as one of what takes its place: it goes on."""
        waiting = self._working_set.reviews.get(record.settlement_id)
        if waiting is None or waiting.state not in WAITING:
            return None
        return opened_by(new, waiting.findings, review_id=self._ids())


def restating_ids(
    request: Request, settlement_ids: tuple[str, ...], own_debts: OwnDebts
) -> tuple[str, ...]:
    """Returns of which settlements the later bills may be restated."""
    is_concerned = request.caller.institution_id is not None
    return settlement_ids if is_concerned and own_debts is OwnDebts.RESTATE else ()


def answered(
    folded: Folded,
    record: SettlementRecord,
    request: Request,
    own_debts: OwnDebts,
    refolded: Callable[[], Folded],
) -> Folded:
    """Returns what becomes of later bills, as the region answers debts of an institution's own.

    `refolded` decides them again and restates. An agency is not concerned, nor an act that moves
    a bill of another institution. Raises RuleError LATER_SETTLEMENTS_EXIST where it is refused.
    """
    if own_debts is OwnDebts.DIFFERENCE or request.caller.institution_id is None:
        return folded
    moved = [each for each, _ in folded.moved]
    is_own = all(each.institution_id == record.institution_id for each in moved)
    if not (is_own and folded.leaves_debt):
        return folded
    if own_debts is OwnDebts.REFUSE:
        raise later_settlements_exist(record, moved)
    return refolded()


def book_restated(folded: Folded, request: Request, working_set: WorkingSet, ids: Ids) -> None:
    """Books the bills that are restated; windows have them already."""
    for reversal, new, review in folded.restated:
        old = reversal.settlement
        taken = [
            each
            for each in working_set.charges.get(old.visit_id, {}).values()
            if each.settlement_id == old.settlement_id
        ]
        reason = "" if old.reversal is None else old.reversal.reason
        book_reversal(reversal, request, working_set, ids, cause=Cause.CORRECTION)
        withdraw_review(reversal, request, working_set, reason=reason)
        book_in_place(new, request, working_set, ids)
        for charge in taken:
            working_set.take_charge(charge, new.settlement_id)
        if review is not None:
            working_set.open_review(review, caller=request.caller.path)
