"""What identity's feed tells of persons: applied in its sequence, without gaps, once."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import InvariantError
from yibao_common.values.ids import Ids
from yibao_settlement.application.merge import move_accounts
from yibao_settlement.rules.credential import Credential
from yibao_settlement.rules.enrolment import Enrolment

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


@dataclass(frozen=True, slots=True)
class InsuredPerson:
    """All that identity's feed tells of a person.

    `merged_into` is the person that this one was a duplicate of; `payer_ids` are the
    relatives whose accounts may pay, in the order in which they agreed.
    """

    person_id: str
    birth_date: dt.date
    merged_into: str | None
    payer_ids: tuple[str, ...]
    enrolments: tuple[Enrolment, ...]
    credentials: tuple[Credential, ...]


@dataclass(frozen=True, slots=True)
class EnrolmentChange:
    """What stands for a person from a sequence number of the region's feed on."""

    sequence: int
    person: InsuredPerson


class FeedRows(Protocol):
    """The feed's position in a region, and the persons that it told of."""

    def position(self) -> int:
        """Returns the sequence number stored last, 0 before the first."""
        ...

    def lock_position(self) -> int:
        """Lets nobody else apply changes until the transaction ends; returns the position."""
        ...

    def move_position(self, sequence: int) -> None:
        """Stores the position that was locked."""
        ...

    def replace(self, changes: Sequence[EnrolmentChange]) -> None:
        """Puts what the changes tell of their persons in the place of what was known."""
        ...


class Feed:
    """The feed's position and its persons. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions; `ids` name the postings of merged accounts."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def position(self, region: str) -> int:
        """Returns the sequence number stored last, 0 before the first."""
        with self._transactions.read(region) as work:
            return work.feed.position()

    def apply(self, region: str, changes: Sequence[EnrolmentChange]) -> None:
        """Stores changes that follow each other; those stored already are passed over.

        The account of a person who was merged moves in the same transaction.

        Raises InvariantError where something is missing between what is stored and the first
        change.
        """
        if changes:
            self._transactions.change(region, lambda work: self._apply(work, changes))

    def _apply(self, work: "Work", changes: Sequence[EnrolmentChange]) -> None:
        position = work.feed.lock_position()
        new = [change for change in changes if change.sequence > position]
        if not new:
            return
        sequences = [change.sequence for change in new]
        if sequences != list(range(position + 1, position + 1 + len(new))):
            raise InvariantError(f"after {position} the feed tells of {sequences}")
        latest = {change.person.person_id: change for change in new}
        work.feed.replace(list(latest.values()))
        self._move_merged(work, list(latest.values()))
        work.feed.move_position(sequences[-1])

    def _move_merged(self, work: "Work", changes: Sequence[EnrolmentChange]) -> None:
        merged = {
            change.person.person_id: change.sequence
            for change in changes
            if change.person.merged_into is not None
        }
        # Asked after the persons were stored: a survivor may be merged in the same page.
        survivors = work.merges.survivors_of(merged.keys())
        if not survivors:
            return
        accounts = work.merges.lock({*survivors, *survivors.values()})
        moved = move_accounts(
            accounts, survivors, sequences=merged, now=self._clock(), ids=self._ids
        )
        work.merges.store(moved)
