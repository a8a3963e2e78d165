"""Rows of tables with something in each column that has to have it."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_common.values.ids import new_id

# Long ago, so that nothing which the services do today has to do with it.
BEGIN = dt.datetime(2026, 3, 2, 4, 0, tzinfo=dt.UTC)
DAY = dt.date(2026, 3, 2)
_FILLED: tuple[tuple[type[Any], object], ...] = (
    (sa.Boolean, False),
    (sa.Integer, 1),
    (sa.LargeBinary, b""),
    (sa.Date, DAY),
    (sa.String, "1"),
)


def moment(rank: int) -> dt.datetime:
    """Returns the instant of a rank; three of those to start with are of one."""
    return BEGIN + dt.timedelta(minutes=rank // 60)


def fill(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row with all that the table wants."""
    unknown = row.keys() - {column.name for column in table.columns}
    assert not unknown, (table.name, unknown)
    wanted = (column for column in table.columns if not column.nullable and column.name not in row)
    return {**row, **{column.name: _filling(column) for column in wanted}}


def _filling(column: "sa.Column[Any]") -> object:
    if isinstance(column.type, Instant):
        return BEGIN
    if column.type is Id:
        return new_id()
    for kind, value in _FILLED:
        if isinstance(column.type, kind):
            return value
    raise AssertionError(f"nothing is known to fill {column} with")
