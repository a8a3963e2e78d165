"""What identity's feed tells of persons: applied in its sequence, without gaps, once.

How is told by `yibao_common.commands.following`. Whom a feed that was read anew has not told of
does not exist any more, and is marked so.
"""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands import following
from yibao_common.commands.feed import FeedPosition as FeedPosition
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids, IdsAbove
from yibao_settlement.application.merge.move import Merges
from yibao_settlement.application.merge.rows import UndecidedMerge
from yibao_settlement.rules.credential import Credential
from yibao_settlement.rules.enrolment import Enrolment, RegisteredDisease
from yibao_settlement.rules.family import Giver

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

# All bills of two records may have to be decided again: of more merges the rest are read anew.
MERGES_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class InsuredPerson:
    """All that identity's feed tells of a person.

    `merged_into` is the person that this one was a duplicate of; `payer_ids` are the
    relatives whose accounts may pay, in the order in which they agreed. The name is masked, and
    never printed even so; an identity of before told neither name nor gender.
    """

    person_id: str
    birth_date: dt.date
    merged_into: str | None
    payer_ids: tuple[str, ...]
    enrolments: tuple[Enrolment, ...]
    credentials: tuple[Credential, ...]
    death_date: dt.date | None = None
    diseases: tuple[RegisteredDisease, ...] = ()
    person_name_masked: str = field(default="", repr=False)
    gender: int = 0
    # Those of `payer_ids` with what they agreed to; none where that is not told.
    givers: tuple[Giver, ...] = ()


@dataclass(frozen=True, slots=True)
class EnrolmentChange:
    """What stands for a person from a sequence number of the region's feed on."""

    sequence: int
    person: InsuredPerson


class FeedAnswer(following.FeedAnswer[EnrolmentChange]):
    """What identity answered to a question."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """What a feed that was read anew did not tell of any more.

    `merges` are persons who are told of as themselves again although their accounts were
    moved to somebody else's: money moves back by hand only.
    """

    persons: int
    merges: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an answer: where the feed is now, and what is to be told of it."""

    position: FeedPosition
    began_anew: bool = False
    gone: Gone | None = None
    undecided: tuple[UndecidedMerge, ...] = ()

    @property
    def is_current(self) -> bool:
        """Tells whether all that there is is stored."""
        return self.position.is_current


class FeedRows(Protocol):
    """The feed's position in a region, and the persons that it told of."""

    def position(self) -> FeedPosition:
        """Returns the position as stored."""
        ...

    def lock_position(self) -> FeedPosition:
        """Lets nobody else apply changes until the transaction ends; returns the position."""
        ...

    def move_position(self, position: FeedPosition) -> None:
        """Stores the position, whose row was locked."""
        ...

    def replace(self, changes: Sequence[EnrolmentChange], *, reading: int) -> None:
        """Puts what the changes tell of their persons in the place of what was known."""
        ...

    def part_from(self, *, before_reading: int, at: dt.datetime) -> Gone:
        """Marks persons as gone who were last told of before a reading of the feed.

        Their periods go, and their credentials are closed.
        """
        ...


class Feed:
    """The feed's position and its persons. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions, and by which clock merges are booked.

        `ids` name the postings of merged accounts.
        """
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def position(self, region: str) -> FeedPosition:
        """Returns how far the feed was read."""
        with self._transactions.read(region) as work:
            return work.feed.position()

    def apply(self, region: str, asked: FeedPosition, answer: FeedAnswer) -> Applied:
        """Stores what identity answered to who stood at `asked`.

        Changes that are stored already are passed over. Account and bills of a person who was
        merged move in the same transaction; what follows so many merges is left for the next
        question. The answer to a position that another process has moved since begins nothing
        anew: whoever asks again is told of that one.

        Raises InvariantError where something is missing between what is stored and the first
        change, or behind the last one.
        """
        if answer.says_nothing_new(asked):
            return Applied(dataclasses.replace(asked, read_time=answer.ask_time))
        return self._transactions.change(region, lambda work: self._apply(work, asked, answer))

    def _apply(self, work: "Work", asked: FeedPosition, answer: FeedAnswer) -> Applied:
        undecided: tuple[UndecidedMerge, ...] = ()

        def take(new: Sequence[EnrolmentChange], stood: FeedPosition) -> int:
            nonlocal undecided
            taken = _in_one_transaction(new)
            latest = {change.person.person_id: change for change in taken}
            work.feed.replace(list(latest.values()), reading=stood.reading)
            undecided = self._move_merged(work, list(latest.values()))
            return len(taken)

        def part(reading: int) -> Gone:
            return work.feed.part_from(before_reading=reading, at=self._clock())

        moved = following.apply_answer(work.feed, asked, answer, take=take, part=part)
        return Applied(moved.position, moved.began_anew, moved.gone, undecided)

    def _move_merged(
        self, work: "Work", changes: Sequence[EnrolmentChange]
    ) -> tuple[UndecidedMerge, ...]:
        merged = {
            change.person.person_id: change.sequence
            for change in changes
            if change.person.merged_into is not None
        }
        # Asked after the persons were stored: a survivor may be merged in the same page.
        survivors = work.merges.survivors_of(merged.keys())
        if not survivors:
            return ()
        work.offsite_feed.move_persons(survivors)
        accounts = work.merges.lock({*survivors, *survivors.values()})
        fence = work.merges.posting_fence()
        ids = IdsAbove(self._ids, fence.posting_id)
        moved = Merges(work.merges, accounts, now=fence.time(self._clock()), ids=ids).move(
            survivors, sequences=merged
        )
        work.merges.store(moved)
        return moved.undecided


def _in_one_transaction(changes: Sequence[EnrolmentChange]) -> Sequence[EnrolmentChange]:
    """Returns the first changes, so many that a transaction ends soon."""
    merges = 0
    for number, change in enumerate(changes, 1):
        merges += change.person.merged_into is not None
        if merges == MERGES_AT_ONCE:
            return changes[:number]
    return changes
