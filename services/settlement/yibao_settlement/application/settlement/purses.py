"""What goes back to a personal account when a bill is reversed or something of it returned."""

from typing import NamedTuple

from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.family.give import give_back
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.account import Purses, carried_over
from yibao_settlement.rules.difference import purses_taken, taken_fen
from yibao_settlement.rules.family import (
    FamilyPart,
    TakenOut,
    after_moves,
    family_fen,
    gone_back,
    kept,
    taken_out,
)
from yibao_settlement.rules.ledger import PostingKind, carry_over_entries, merge_entries


class BackToPurses(NamedTuple):
    """What goes back to the account that `record` took it from, in fen.

    Of `account_fen`, `carried_fen` had been of earlier years, and `family_fen` of relatives, to
    whom it goes on. What a merged person paid goes back to the account that took theirs over.
    What was moved there before, because the account had paid too much, is taken out again.
    """

    record: SettlementRecord
    account_fen: int
    carried_fen: int
    family_fen: int = 0

    def carry_over(self, request: Request, working_set: WorkingSet, ids: Ids) -> None:
        """Brings the account into the present year, before anything goes back to it."""
        if self.account_fen:
            working_set.carry_over(self._holder_id(working_set), request, ids)

    def after(self, working_set: WorkingSet) -> tuple[int, int]:
        """Returns what the account will hold, and of it of earlier years."""
        year = working_set.account_year
        standing = carried_over(working_set.standing(self._holder_id(working_set)), year)
        own = self.own(working_set)
        return standing.balance_fen + own.balance_fen, standing.carried_fen + own.carried_fen

    def own(self, working_set: WorkingSet) -> Purses:
        """Returns what the own purses hold more afterwards."""
        back, taken = self.in_purses(working_set), self._own_taken(working_set)
        return Purses(
            back.current_year_fen - taken.current_year_fen, back.carried_fen - taken.carried_fen
        )

    def taken(self, working_set: WorkingSet) -> Purses:
        """Returns what is taken out again of what was moved of the bill.

        What had gone to relatives comes out of this year's money, among which it comes back.
        """
        own = self._own_taken(working_set)
        return own._replace(current_year_fen=own.current_year_fen + self._taken_out.family_fen)

    def in_purses(self, working_set: WorkingSet) -> Purses:
        """Returns what goes back to the own purses, by the purse that it goes to."""
        carried_fen = self.carried_fen + self._left_of_its_year_fen(working_set.account_year)
        return Purses(self._own_fen - carried_fen, carried_fen)

    def to_relatives(self) -> tuple[FamilyPart, ...]:
        """Returns what goes on to relatives, who may have got some of theirs already."""
        record = self.record
        if not record.family:
            return ()
        theirs = after_moves(record.family, record.moved_fen)
        stays_fen = family_fen(theirs) - self.family_fen + self._taken_out.family_fen
        return gone_back(theirs, kept(theirs, stays_fen))

    def sort(self, request: Request, working_set: WorkingSet, ids: Ids) -> None:
        """Puts what has gone back into the purse of its year, of whoever holds it by now."""
        record, holder_id = self.record, self._holder_id(working_set)
        if holder_id != record.person_id and self.account_fen:
            moved = merge_entries(
                retired_id=record.person_id,
                survivor_id=holder_id,
                amount_fen=self.account_fen,
                carried_fen=self.carried_fen,
            )
            working_set.post(ids(), PostingKind.MERGE, moved, request)
        left_fen = self._left_of_its_year_fen(working_set.account_year)
        if left_fen:
            entries = carry_over_entries(person_id=holder_id, amount_fen=left_fen)
            working_set.post(ids(), PostingKind.CARRY_OVER, entries, request)
        if left_fen or self.carried_fen:
            working_set.move_carried(holder_id, left_fen + self.carried_fen)
        taken = self.taken(working_set)
        if taken.balance_fen:
            # Last, when all that it comes out of is in the account.
            put_into_purses(working_set, holder_id, taken, sign=-1)
        parts = self.to_relatives()
        give_back(record, parts, request, working_set, ids, receiver_id=holder_id)

    @property
    def _own_fen(self) -> int:
        return self.account_fen - self.family_fen

    @property
    def _taken_out(self) -> TakenOut:
        record = self.record
        fen = taken_fen(record.moved_fen, returned_fen=self.account_fen)
        if not record.family:
            return TakenOut(0, fen)
        return taken_out(
            fen,
            moved_fen=record.moved_fen,
            family_before_fen=record.family_fen,
            family_back_fen=self.family_fen,
            back_fen=self.account_fen,
        )

    def _own_taken(self, working_set: WorkingSet) -> Purses:
        left_fen = self._left_of_its_year_fen(working_set.account_year)
        return purses_taken(self._taken_out.own_fen, carried_back_fen=self.carried_fen + left_fen)

    def _left_of_its_year_fen(self, year: int) -> int:
        """Returns what goes back to the purse of a year that is over since: it is carried over."""
        if shanghai_day(self.record.settle_time).year >= year:
            return 0
        return self._own_fen - self.carried_fen

    def _holder_id(self, working_set: WorkingSet) -> str:
        return working_set.holder_of(self.record.person_id)


def put_into_purses(
    working_set: WorkingSet, person_id: str, purses: Purses, *, sign: int = 1
) -> None:
    """Changes what the purses of an account hold; with `sign` -1 takes it out of them.

    Raises InvariantError where one would hold less than nothing.
    """
    working_set.change_person(person_id, balance_change_fen=sign * purses.balance_fen)
    working_set.move_carried(person_id, sign * purses.carried_fen)
