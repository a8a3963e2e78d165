"""Moving into accounts what they had paid too much of bills: by person, or page by page.

No money leaves the insurer by it, and nobody has a choice: what is due to an account goes into
it whole. So one operator does it, and a program may do it for all persons of a region.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account import account_not_found
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.difference.state import DueMove
from yibao_settlement.application.family.give import give_back
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.settlement.purses import put_into_purses
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.account import check_not_merged, new_standing
from yibao_settlement.rules.difference import move_entries, purses_moved
from yibao_settlement.rules.family import after_moves, family_fen, gone_back
from yibao_settlement.rules.ledger import PostingKind

MOVE_METHODS = ("MoveDue", "MoveAllDue")


class MovedDue(NamedTuple):
    """What was moved: of how many persons and settlements, and how much in fen."""

    persons: int = 0
    settlements: int = 0
    amount_fen: int = 0

    def plus(self, other: "MovedDue") -> "MovedDue":
        """Returns both together."""
        return MovedDue(*map(sum, zip(self, other, strict=True)))


Encode = Callable[[MovedDue], bytes]


@dataclass(frozen=True, slots=True)
class MoveDue:
    """Moves what is due to a person's account; `due_fen` is what the operator read."""

    request: Request
    person_id: str
    due_fen: int
    # Writes a MoveDueResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns the person with the bills of which something is due."""
        return _needs((self.person_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Moves it; see `Command`.

        Raises RuleError PERSON_MERGED, ACCOUNT_NOT_FOUND, or DUE_NOT_OPEN where nothing or
        another amount is due.
        """
        person_id = self.person_id
        standing = working_set.standing(person_id)
        check_not_merged(standing)
        if standing == new_standing(person_id):
            raise account_not_found(person_id)
        due_fen = sum(record.due_fen for record in _bills_with_due(working_set, person_id))
        if due_fen != self.due_fen:
            raise RuleError(
                Reason.DUE_NOT_OPEN,
                f"{due_fen} fen are due to the account, not {self.due_fen}",
                due_fen=str(due_fen),
            )
        return self.encode(_move(working_set, person_id, self.request, ids))


@dataclass(frozen=True, slots=True)
class MoveAllDue:
    """Moves what is due to the accounts of a page of persons; some may have nothing by then."""

    request: Request
    person_ids: tuple[str, ...]
    # Writes a MoveAllDueResponse.
    encode: Encode

    def needs(self) -> Needs:
        """Returns the persons with the bills of which something is due."""
        return _needs(self.person_ids)

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Moves it; see `Command`. Nothing is refused: who was merged has nothing any more."""
        moved = MovedDue()
        for person_id in self.person_ids:
            if working_set.standing(person_id).merged_into is None:
                moved = moved.plus(_move(working_set, person_id, self.request, ids))
        return self.encode(moved)


def page_with_due(
    reads: Reads, region: str, *, after: str | None, limit: int
) -> tuple[tuple[str, ...], bool]:
    """Returns at most `limit` persons to whom something is due, and whether they are the last.

    They come in the order of their ids, behind `after`.
    """
    found = sorted(
        person_id
        for person_id in reads.persons_with_due(region)
        if after is None or person_id > after
    )
    return tuple(found[:limit]), len(found) <= limit


def _needs(person_ids: tuple[str, ...]) -> Needs:
    return Needs(person_ids=person_ids, due_person_ids=person_ids)


def _bills_with_due(working_set: WorkingSet, person_id: str) -> list[SettlementRecord]:
    """Returns the bills that stand and of which something is due, in the order of their ids."""
    found = [
        record
        for record in working_set.settlements.values()
        if record.adjustment is not None
        and record.reversal is None
        and not record.is_held
        and working_set.holder_of(record.person_id) == person_id
        and record.due_fen
    ]
    return sorted(found, key=lambda record: record.settlement_id)


def _move(working_set: WorkingSet, person_id: str, request: Request, ids: Ids) -> MovedDue:
    """Moves all that is due to a person's account, by a posting a bill."""
    bills = _bills_with_due(working_set, person_id)
    if not bills:
        return MovedDue()
    working_set.carry_over(person_id, request, ids)
    moved = MovedDue(persons=1)
    for record in bills:
        moved = moved.plus(MovedDue(0, 1, record.due_fen))
        before = after_moves(record.family, record.moved_fen)
        after = after_moves(record.family, record.moved_fen + record.due_fen)
        theirs_fen = family_fen(before) - family_fen(after)
        purses = purses_moved(
            record.due_fen - theirs_fen,
            moved_fen=max(record.moved_fen - record.family_fen, 0),
            carried_paid_fen=record.carried.paid_fen,
            is_year_over=shanghai_day(record.settle_time).year < working_set.account_year,
        )
        # Relatives get theirs first, on by the same transaction.
        purses = purses._replace(current_year_fen=purses.current_year_fen + theirs_fen)
        posting_id = ids()
        entries = move_entries(purses, person_id=person_id)
        working_set.post(posting_id, PostingKind.MOVE, entries, request)
        put_into_purses(working_set, person_id, purses)
        back = gone_back(before, after)
        give_back(record, back, request, working_set, ids, receiver_id=person_id)
        working_set.differences.moves.append(
            DueMove(
                record.settlement_id,
                posting_id,
                working_set.now,
                record.due_fen,
                purses.carried_fen,
            )
        )
        working_set.settlements[record.settlement_id] = record._replace(
            moved_fen=record.moved_fen + record.due_fen
        )
    working_set.audit.add(
        entry_of(
            request,
            at=working_set.now,
            subject_ids=(person_id,),
            detail={
                "settlements": str(moved.settlements),
                "amount_fen": str(moved.amount_fen),
            },
        )
    )
    return moved
