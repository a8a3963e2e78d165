"""Feeds as rows: the end of what a service tells, and the position in what it follows.

The head's row is locked from the moment a number is taken until the commit, so numbers become
visible in their order and none is ever missing, whatever process wrote it. Take a number last
in a transaction, before the audit row: everyone else who tells of the region waits.
"""

import sqlalchemy as sa

from yibao_common.commands.feed import FeedHead, FeedPosition
from yibao_common.db.rows import Row, insert_rows, select_rows
from yibao_common.values.ids import new_id

# The columns of a position, in the order of its fields.
_PLACE = (
    *("epoch", "sequence", "head_sequence", "head_mark", "reading"),
    *("anew_until", "read_time"),
)


class StoredHead:
    """The end of a region's feed in a table of `region`, `sequence` and `epoch`."""

    def __init__(self, connection: sa.Connection, table: sa.Table, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._table = table
        self._region = region

    def find(self) -> FeedHead | None:
        """Returns the end of the feed, or None where the region has none yet."""
        region, columns = self._region, ("epoch", "sequence")
        rows = select_rows(
            self._connection, self._table, columns, region=region, key="region", among=(region,)
        )
        return FeedHead(*rows[0]) if rows else None

    def begin(self) -> None:
        """Begins the feed with an epoch of its own, unless there is one."""
        columns, row = ("region", "sequence", "epoch"), (self._region, 0, new_id())
        insert_rows(self._connection, self._table, columns, [row], skip_existing=True)

    def take_sequences(self, count: int) -> int:
        """Takes the next `count` numbers and returns the last of them."""
        last = self._moved_by(count)
        if last is None:
            self.begin()
            last = self._moved_by(count)
        assert last is not None
        return last

    def _moved_by(self, count: int) -> int | None:
        """Moves the end, whose row stays locked, and returns it; None where there is none yet."""
        column, table = self._table.c, self._table
        moved = sa.update(table).where(column.region == self._region)
        moved = moved.values(sequence=column.sequence + count)
        return self._connection.execute(moved.returning(column.sequence)).scalar_one_or_none()


def renew_epochs(connection: sa.Connection, table: sa.Table) -> list[str]:
    """Gives the feed of every region a new epoch, so that readers read it anew.

    Returns the regions, sorted.
    """
    column = table.c
    regions = sorted(connection.execute(sa.select(column.region).with_for_update()).scalars())
    for region in regions:
        renewed = sa.update(table).where(column.region == region)
        connection.execute(renewed.values(epoch=new_id()))
    return regions


class StoredPosition:
    """How far a region's feed was read, in a table with a column for each field of it."""

    def __init__(self, connection: sa.Connection, table: sa.Table, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._table = table
        self._region = region
        column = table.c
        self._query = sa.select(*(column[name] for name in _PLACE)).where(column.region == region)

    def find(self) -> FeedPosition:
        """Returns the position as stored."""
        found = self._connection.execute(self._query).one_or_none()
        return FeedPosition() if found is None else FeedPosition(*found)

    def is_kept(self) -> bool:
        """Tells whether there is a position, be it that of the beginning."""
        return self._connection.execute(self._query).one_or_none() is not None

    def lock(self) -> FeedPosition:
        """Locks the position's row, made where it is missing."""
        columns, row = ("region", *_PLACE), (self._region, *_row(FeedPosition()))
        insert_rows(self._connection, self._table, columns, [row], skip_existing=True)
        return FeedPosition(*self._connection.execute(self._query.with_for_update()).one())

    def move(self, position: FeedPosition) -> None:
        """Stores the position."""
        self._connection.execute(
            sa.update(self._table)
            .where(self._table.c.region == self._region)
            .values(dict(zip(_PLACE, _row(position), strict=True)))
        )


def _row(position: FeedPosition) -> Row:
    return tuple(getattr(position, name) for name in _PLACE)
