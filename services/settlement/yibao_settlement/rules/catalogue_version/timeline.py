"""What approved versions say of one key, day by day.

A row holds from its first day, or its version's where that is later, to its last day, and at
most to the day before the next row of its key begins, whichever version that is of: what was
approved for next year stays when something is corrected for today. Of rows that begin on one
day that of the newest version holds. A whole layer, and one that takes a version back, says all
of a key from its first day on: rows of older versions that begin later are gone, and what held
before ends with the day before, also where the first row begins later.
"""

import bisect
import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from yibao_settlement.rules.catalogue_version.row import ListRow, RowContent

_DAY = dt.timedelta(days=1)


class SaidRow(NamedTuple):
    """A row of an approved version: its number, and the first day that it decides.

    One that `replaces_later` says all of its key from that day on.
    """

    version_number: int
    since: dt.date
    row: ListRow
    replaces_later: bool = False

    @property
    def start(self) -> dt.date:
        """The first day on which the row holds."""
        return max(self.row.start_date, self.since)


class Piece(NamedTuple):
    """What holds from a day on, until the next piece; None where nothing does."""

    start: dt.date
    content: RowContent | None
    version_number: int
    row: ListRow


Timeline = Sequence[Piece]


def timeline_of(rows: Iterable[SaidRow]) -> list[Piece]:
    """Returns what the rows of one key come to, by rising days; nothing holds before the first."""
    held: dict[dt.date, SaidRow] = {}
    for _, together in itertools.groupby(
        sorted(rows, key=lambda each: (each.version_number, each.row.start_date)),
        key=lambda each: each.version_number,
    ):
        own = list(together)
        first = own[0]
        if first.replaces_later:
            held = {start: each for start, each in held.items() if start < first.since}
            if first.start > first.since:
                held[first.since] = _ended(first)
        held.update((each.start, each) for each in own)
    return list(_pieces([held[start] for start in sorted(held)]))


def _ended(said: SaidRow) -> SaidRow:
    """Returns what ends a key from a version's first day on."""
    row = said.row._replace(start_date=said.since, end_date=None, content=None)
    return said._replace(row=row)


def _pieces(rows: Sequence[SaidRow]) -> Iterator[Piece]:
    """Yields what rows, each until the next one begins, say."""
    for at, said in enumerate(rows):
        number, _, row, _ = said
        start, end = said.start, row.end_date
        is_over = end is not None and end < start
        yield Piece(start, None if is_over else row.content, number, row)
        if end is None or is_over or end == dt.date.max:
            continue
        behind = end + _DAY
        if at + 1 == len(rows) or behind < rows[at + 1].start:
            yield Piece(behind, None, number, row)


def piece_on(timeline: Timeline, day: dt.date) -> Piece | None:
    """Returns the piece that holds on a day, or None where nothing does."""
    if len(timeline) == 1:
        piece = timeline[0]
        return piece if piece.start <= day and piece.content is not None else None
    at = bisect.bisect_right(timeline, day, key=lambda piece: piece.start)
    if at == 0 or timeline[at - 1].content is None:
        return None
    return timeline[at - 1]


def content_on(timeline: Timeline, day: dt.date) -> RowContent | None:
    """Returns what holds on a day, or None."""
    piece = piece_on(timeline, day)
    return None if piece is None else piece.content


def first_difference(
    before: Timeline, after: Timeline, *, since: dt.date
) -> tuple[dt.date, Piece | None, Piece | None] | None:
    """Returns the first day from `since` on that differs, with what holds by either; or None."""
    days = {since, *(piece.start for piece in (*before, *after) if piece.start > since)}
    for day in sorted(days):
        old, new = piece_on(before, day), piece_on(after, day)
        if (old and old.content) != (new and new.content):
            return day, old, new
    return None
