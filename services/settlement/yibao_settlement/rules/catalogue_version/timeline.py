"""What approved versions say of one key, day by day.

Of a key the newest version decides that says something of it, from its own first day or that
of its first row on, whichever is later. What a version does not say leaves older ones in
force; a whole layer says of what it leaves out that it has ended.
"""

import bisect
import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from yibao_settlement.rules.catalogue_version.row import ListRow, RowContent

_DAY = dt.timedelta(days=1)


class SaidRow(NamedTuple):
    """A row of an approved version: its number, and the first day that it decides."""

    version_number: int
    since: dt.date
    row: ListRow


class Piece(NamedTuple):
    """What holds from a day on, until the next piece; None where nothing does."""

    start: dt.date
    content: RowContent | None
    version_number: int
    row: ListRow


Timeline = Sequence[Piece]


def timeline_of(rows: Iterable[SaidRow]) -> list[Piece]:
    """Returns what the rows of one key come to, by rising days; nothing holds before the first."""
    made: list[Piece] = []
    ordered = sorted(rows, key=lambda each: (each.version_number, each.row.start_date))
    for _, together in itertools.groupby(ordered, key=lambda each: each.version_number):
        own = list(_pieces(list(together)))
        first = own[0].start
        made = [piece for piece in made if piece.start < first] + own
    return made


def _pieces(rows: Sequence[SaidRow]) -> Iterator[Piece]:
    """Yields what the rows of one version, by their first days, say."""
    for at, (number, since, row) in enumerate(rows):
        start = max(row.start_date, since)
        following = max(rows[at + 1].row.start_date, since) if at + 1 < len(rows) else None
        if following is not None and following <= start:
            continue  # It ended before the version begins.
        ended = row.end_date is not None and row.end_date < start
        yield Piece(start, None if ended else row.content, number, row)
        if row.end_date is None or ended or row.end_date == dt.date.max:
            continue
        behind = row.end_date + _DAY
        if following is None or behind < following:
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
