"""The reader's part of a feed: what is answered is applied in its sequence, without gaps, once.

A feed that is not the one that was followed, because who tells it was restored from a backup,
is read anew from its beginning. What was known serves on meanwhile; what the feed has not told
of by then does not exist any more.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from yibao_common.commands.feed import FeedPosition
from yibao_common.values.errors import InvariantError

# While nothing happens, when everything was last known is stored so often.
_NOTE_TIME_EVERY = dt.timedelta(minutes=1)


class Numbered(Protocol):
    """A change of a feed."""

    @property
    def sequence(self) -> int:
        """Its number in the region."""
        ...


ChangeT = TypeVar("ChangeT", bound=Numbered)
GoneT = TypeVar("GoneT")


@dataclass(frozen=True, slots=True)
class FeedAnswer(Generic[ChangeT]):
    """What was answered to a question that was asked at `ask_time`.

    With `starts_anew` what was read before is not of this feed.
    """

    epoch: str
    changes: Sequence[ChangeT]
    head_sequence: int
    head_mark: str
    starts_anew: bool
    ask_time: dt.datetime

    def says_nothing_new(self, asked: FeedPosition) -> bool:
        """Tells whether who stood at `asked` need not store it; its time is, once a minute."""
        return (
            not self.starts_anew
            and not self.changes
            and self.epoch == asked.epoch
            and self.head_mark == asked.head_mark
            and asked.is_current
            and asked.read_time is not None
            and abs(self.ask_time - asked.read_time) < _NOTE_TIME_EVERY
        )


@dataclass(frozen=True, slots=True)
class Moved(Generic[GoneT]):
    """What became of an answer: where the feed is now, and what it did not tell of any more.

    `gone` is None unless a reading from the beginning ended.
    """

    position: FeedPosition
    began_anew: bool = False
    gone: GoneT | None = None

    @property
    def is_current(self) -> bool:
        """Tells whether all that there is is stored."""
        return self.position.is_current


class PositionRows(Protocol):
    """How far a region's feed was read, as one transaction finds, locks and writes it."""

    def position(self) -> FeedPosition:
        """Returns the position as stored."""
        ...

    def lock_position(self) -> FeedPosition:
        """Lets nobody else apply changes until the transaction ends; returns the position."""
        ...

    def move_position(self, position: FeedPosition) -> None:
        """Stores the position, whose row was locked."""
        ...


def apply_answer(
    rows: PositionRows,
    asked: FeedPosition,
    answer: FeedAnswer[ChangeT],
    *,
    take: Callable[[Sequence[ChangeT], FeedPosition], int],
    part: Callable[[int], GoneT],
) -> Moved[GoneT]:
    """Stores what was answered to who stood at `asked`, within one transaction.

    `take` stores changes, which are new and without a gap, as of the position's reading, and
    returns how many of them it took: the rest is left for the next question. `part` parts from
    what was last told of before a reading. Changes that are stored already are passed over.
    The answer to a position that another process has moved since begins nothing anew: whoever
    asks again is told of that one.

    Raises InvariantError where something is missing between what is stored and the first
    change, or behind the last one.
    """
    stored = rows.lock_position()
    if stored.reading != asked.reading:
        # Begun anew since, so the answer may be of the feed before.
        return Moved(stored)
    position, began_anew = stored, False
    if answer.starts_anew or answer.epoch != stored.epoch:
        if stored.sequence != asked.sequence:
            return Moved(stored)
        position, began_anew = _begin(stored, answer), stored.sequence > 0
    if position.sequence >= asked.sequence and not answer.starts_anew:
        position = _take(position, answer, take)
    gone = None
    if position.anew_until is not None and position.sequence >= position.anew_until:
        gone = part(position.reading)
        position = dataclasses.replace(position, anew_until=None)
    if position.is_current:
        position = dataclasses.replace(position, read_time=answer.ask_time)
    rows.move_position(position)
    return Moved(position, began_anew, gone)


def _take(
    stored: FeedPosition,
    answer: FeedAnswer[ChangeT],
    take: Callable[[Sequence[ChangeT], FeedPosition], int],
) -> FeedPosition:
    """Stores the changes that are new and returns where the feed is then."""
    sequence = stored.sequence
    new = [change for change in answer.changes if change.sequence > sequence]
    sequences = [change.sequence for change in new]
    if sequences != list(range(sequence + 1, sequence + 1 + len(new))):
        raise InvariantError(f"after {sequence} the feed tells of {sequences}")
    if new:
        sequence += take(new, stored)
    elif not answer.changes and answer.head_sequence > sequence:
        raise InvariantError(f"the feed has {answer.head_sequence}, and none after {sequence}")
    position = dataclasses.replace(stored, sequence=sequence)
    # Another process may have stored a later answer meanwhile.
    if answer.head_sequence >= stored.head_sequence:
        position = dataclasses.replace(
            position, head_sequence=answer.head_sequence, head_mark=answer.head_mark
        )
    return position


def _begin(stored: FeedPosition, answer: FeedAnswer[ChangeT]) -> FeedPosition:
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
