"""A feed of changes between services: what a reader is told, and how far it read.

The changes of a region are numbered 1, 2, 3, … without a gap. What a reader read says of which
feed it is: by the epoch, and by a mark of the newest change that it was told of. So a database
that was restored from a backup is noticed by itself: its feed ends before that change, or tells
of another one there. `commands.following` is the reader's part, `db.feed` has the rows.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

ChangeT = TypeVar("ChangeT")


@dataclass(frozen=True, slots=True)
class FeedHead:
    """The end of a region's feed, 0 before the first change, and the feed's epoch."""

    epoch: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a reader is: how far it read, of which epoch, and the newest change it knows of.

    A reader that knows nothing yet has no epoch, and 0 as its numbers.
    """

    epoch: str
    sequence: int
    head_sequence: int
    head_mark: str

    def is_of(self, head: FeedHead, *, mark_at: Callable[[int], str]) -> bool:
        """Tells whether what the reader read is of the feed that ends at `head`.

        What a reader was told of something may stem from any change up to the newest one that
        there was, so that one is compared and not the last one read. `mark_at` returns the mark
        of the change of a number, empty for none.
        """
        if self.epoch not in ("", head.epoch) or self.sequence > head.sequence:
            return False
        return not self.head_mark or self.head_mark == mark_at(self.head_sequence)


@dataclass(frozen=True, slots=True)
class FeedPage(Generic[ChangeT]):
    """What follows a bookmark, and where the feed ends; a region without one has no epoch.

    With `starts_anew` the bookmark is not of this feed, and nothing else is told.
    """

    changes: tuple[ChangeT, ...]
    epoch: str
    head_sequence: int
    head_mark: str
    starts_anew: bool = False


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """How far a region's feed was read; before the first time it has no epoch, and zeros.

    `head_sequence` and `head_mark` are the newest change that was told there is. `reading`
    counts how often the feed was begun; while it is read anew `anew_until` is the change that
    ends that. Everything was known at `read_time`.
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

    @property
    def is_current(self) -> bool:
        """Tells whether all that there is is stored."""
        return self.lag == 0 and self.anew_until is None
