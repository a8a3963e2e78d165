"""What identity's feed tells of persons: applied in its sequence, without gaps, once.

A feed that is not the one that was followed, because identity was restored from a backup, is
read anew from its beginning. What was known serves on meanwhile; whom the feed has not told
of by then does not exist any more, and is marked so.
"""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import InvariantError
from yibao_common.values.ids import Ids, IdsAbove
from yibao_settlement.application.merge.move import Merges
from yibao_settlement.application.merge.rows import UndecidedMerge
from yibao_settlement.rules.credential import Credential
from yibao_settlement.rules.enrolment import Enrolment, RegisteredDisease
from yibao_settlement.rules.family import Giver

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

# While nothing happens, when everything was last known is stored so often.
_NOTE_TIME_EVERY = dt.timedelta(minutes=1)
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


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """How far a region's feed was read; before the first time it has no epoch, and zeros.

    `head_sequence` and `head_mark` are the newest change that identity told there is.
    `reading` counts how often the feed was begun; while it is read anew `anew_until` is the
    change that ends that. Everything was known at `read_time`.
    """

    epoch: str = ""
    sequence: int = 0
    head_sequence: int = 0
    head_mark: str = ""
    reading: int = 0
    anew_until: int | None = None
    read_time: dt.datetime | None = None

    @property
    def lag(self) -> int:
        """How many changes are known to be there and are not stored yet."""
        return max(0, self.head_sequence - self.sequence)


@dataclass(frozen=True, slots=True)
class FeedAnswer:
    """What identity answered to a question that was asked at `ask_time`.

    With `starts_anew` what was read before is not of this feed.
    """

    epoch: str
    changes: Sequence[EnrolmentChange]
    head_sequence: int
    head_mark: str
    starts_anew: bool
    ask_time: dt.datetime


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
        return self.position.lag == 0 and self.position.anew_until is None


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
        if _says_nothing_new(asked, answer):
            return Applied(dataclasses.replace(asked, read_time=answer.ask_time))
        return self._transactions.change(region, lambda work: self._apply(work, asked, answer))

    def _apply(self, work: "Work", asked: FeedPosition, answer: FeedAnswer) -> Applied:
        stored = work.feed.lock_position()
        if stored.reading != asked.reading:
            # Begun anew since, so the answer may be of the feed before.
            return Applied(stored)
        position, began_anew = stored, False
        if answer.starts_anew or answer.epoch != stored.epoch:
            if stored.sequence != asked.sequence:
                return Applied(stored)
            position, began_anew = _begin(stored, answer), stored.sequence > 0
        undecided: tuple[UndecidedMerge, ...] = ()
        if position.sequence >= asked.sequence and not answer.starts_anew:
            position, undecided = self._take(work, position, answer)
        gone = None
        if position.anew_until is not None and position.sequence >= position.anew_until:
            gone = work.feed.part_from(before_reading=position.reading, at=self._clock())
            position = dataclasses.replace(position, anew_until=None)
        if Applied(position).is_current:
            position = dataclasses.replace(position, read_time=answer.ask_time)
        work.feed.move_position(position)
        return Applied(position, began_anew, gone, undecided)

    def _take(
        self, work: "Work", stored: FeedPosition, answer: FeedAnswer
    ) -> tuple[FeedPosition, tuple[UndecidedMerge, ...]]:
        """Stores the changes that are new; returns where the feed is then, and what to tell of."""
        sequence = stored.sequence
        new = [change for change in answer.changes if change.sequence > sequence]
        sequences = [change.sequence for change in new]
        if sequences != list(range(sequence + 1, sequence + 1 + len(new))):
            raise InvariantError(f"after {sequence} the feed tells of {sequences}")
        undecided: tuple[UndecidedMerge, ...] = ()
        if new:
            new = _in_one_transaction(new)
            latest = {change.person.person_id: change for change in new}
            work.feed.replace(list(latest.values()), reading=stored.reading)
            undecided = self._move_merged(work, list(latest.values()))
            sequence = new[-1].sequence
        elif not answer.changes and answer.head_sequence > sequence:
            raise InvariantError(f"the feed has {answer.head_sequence}, and none after {sequence}")
        position = dataclasses.replace(stored, sequence=sequence)
        # Another process may have stored a later answer meanwhile.
        if answer.head_sequence >= stored.head_sequence:
            position = dataclasses.replace(
                position, head_sequence=answer.head_sequence, head_mark=answer.head_mark
            )
        return position, undecided

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
        accounts = work.merges.lock({*survivors, *survivors.values()})
        fence = work.merges.posting_fence()
        ids = IdsAbove(self._ids, fence.posting_id)
        moved = Merges(work.merges, accounts, now=fence.time(self._clock()), ids=ids).move(
            survivors, sequences=merged
        )
        work.merges.store(moved)
        return moved.undecided


def _in_one_transaction(changes: list[EnrolmentChange]) -> list[EnrolmentChange]:
    """Returns the first changes, so many that a transaction ends soon."""
    merges = 0
    for number, change in enumerate(changes, 1):
        merges += change.person.merged_into is not None
        if merges == MERGES_AT_ONCE:
            return changes[:number]
    return changes


def _says_nothing_new(asked: FeedPosition, answer: FeedAnswer) -> bool:
    """Tells whether an answer need not be stored; its time is, once a minute."""
    return (
        not answer.starts_anew
        and not answer.changes
        and answer.epoch == asked.epoch
        and answer.head_mark == asked.head_mark
        and Applied(asked).is_current
        and asked.read_time is not None
        and abs(answer.ask_time - asked.read_time) < _NOTE_TIME_EVERY
    )


def _begin(stored: FeedPosition, answer: FeedAnswer) -> FeedPosition:
    """Returns the beginning of the feed that answered, to be read up to its end of now."""
    return FeedPosition(
        epoch=answer.epoch,
        sequence=0,
        head_sequence=answer.head_sequence,
        head_mark=answer.head_mark,
        reading=stored.reading + 1,
        anew_until=answer.head_sequence,
        read_time=stored.read_time,
    )
