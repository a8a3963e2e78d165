"""Set-based statements on PostgreSQL: see `rows`.

They go past SQLAlchemy, several to a round trip (`trip_postgres`). Waiting is what a batch spends
most of its time on.
"""

import functools
import time
from collections.abc import Sequence
from typing import Any

import psycopg
import sqlalchemy as sa

from yibao_common.db.arrays_postgres import ArrayWriter, array_type, array_writer, text_value
from yibao_common.db.connection_postgres import PostgresConnection
from yibao_common.db.rows import Insert, Now, Row, Select, Statement, Update, check_updated
from yibao_common.db.trip_postgres import Command, Outcome, Prepared, travel

# A batch's statements are planned once and kept, for planning costs a small batch as much as
# carrying them out. But what a plan was best for, such as a table that was still empty, may
# be past within a second, and nothing else would tell the server so. So they are made anew
# each time that a connection has written as many rows again, and after some seconds, since
# others write too.
_PLAN_ANEW = Command(b"DISCARD PLANS")
_PLANS_HOLD_ROWS = 64
_PLANS_HOLD_SECONDS = 5.0

# Of the statement and not of its transaction, which may have waited for locks since.
_NOW = Command(b"SELECT clock_timestamp()")

# The first column of nearly every table.
_REGION = "region"

# What is known of a connection, for as long as it lasts.
_STATE = "yibao_rows"


class _State:
    """What a connection has prepared, and when its plans are to be made anew."""

    __slots__ = ("hold_rows", "hold_until", "prepared", "written")

    def __init__(self) -> None:
        self.prepared = Prepared()
        self.written = 0
        self.hold_rows = 0
        self.hold_until = 0.0

    def is_due(self, now: float) -> bool:
        """Tells whether the plans are to be made anew, once: they then hold again."""
        if self.written < self.hold_rows and now < self.hold_until:
            return False
        self.hold_rows = 2 * self.written + _PLANS_HOLD_ROWS
        self.hold_until = now + _PLANS_HOLD_SECONDS
        return True


def forget_prepared(info: dict[str, Any]) -> None:
    """Takes nothing for prepared any more on a connection, of which `info` is kept."""
    state: _State | None = info.get(_STATE)
    if state is not None:
        state.prepared.forget()


def execute(connection: sa.Connection, statements: Sequence[Statement]) -> list[list[Row]]:
    """Carries out statements in one round trip; returns the rows of each."""
    outcomes = _outcomes(connection, statements)
    return [
        _rows_of(statement, outcome)
        for statement, outcome in zip(statements, outcomes, strict=True)
    ]


def insert_counted(connection: sa.Connection, insert: Insert) -> int:
    """Carries out an insert of at least one row and returns how many rows it stored."""
    (outcome,) = _outcomes(connection, [insert])
    return 0 if outcome is None else outcome.count


def _outcomes(connection: sa.Connection, statements: Sequence[Statement]) -> list[Outcome | None]:
    """Returns what each statement came to; None where there was nothing to do."""
    commands = [_command(statement) for statement in statements]
    wanted = [command for command in commands if command is not None]
    if not wanted:
        return [None] * len(commands)
    # The driver connection begins the transaction that SQLAlchemy will commit.
    driver: PostgresConnection = connection.connection.driver_connection  # type: ignore[assignment]
    state: _State = connection.info.get(_STATE) or connection.info.setdefault(_STATE, _State())
    is_due = state.is_due(time.monotonic())
    if is_due:
        wanted.insert(0, _PLAN_ANEW)
    try:
        outcomes = iter(travel(driver, wanted, state.prepared)[is_due:])
    except psycopg.Error as error:
        # As if it had gone through SQLAlchemy; neither text nor values are kept.
        raise sa.exc.DBAPIError.instance(
            "", None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        ) from error
    state.written += sum(len(each.rows) for each in statements if isinstance(each, Insert | Update))
    return [None if command is None else next(outcomes) for command in commands]


def _rows_of(statement: Statement, outcome: Outcome | None) -> list[Row]:
    if outcome is None:
        return []
    if isinstance(statement, Select | Now):
        return outcome.rows()
    if isinstance(statement, Update):
        check_updated(statement, outcome.count)
    return []


def _command(statement: Statement) -> Command | None:
    """Returns what is sent; None where there is nothing to do."""
    match statement:
        case Now():
            return _NOW
        case Select(table, columns, region, key, among):
            if not among:
                return None
            # Rows are locked in the order of their keys.
            keys = sorted(among) if statement.for_update else among
            since, equal = statement.since, statement.equal
            text = _select_text(
                table,
                columns,
                key,
                _conditions(statement),
                statement.order_by,
                statement.for_update,
            )
            further: tuple[bytes, ...] = (text_value(equal[1]),) if equal else ()
            further += (since[1].isoformat().encode(),) if since else ()
            return Command(text, (array_writer(table.c[key])(keys), text_value(region), *further))
        case Insert(table, columns, rows, skip_existing):
            if not rows:
                return None
            shared = _region_of(columns, rows)
            text = _insert_text(table, columns, skip_existing, shared is not None)
            return Command(text, _arrays(table, columns, rows, shared))
        case Update(table, keys, values, rows):
            if not rows:
                return None
            shared = _region_of(keys, rows)
            text = _update_text(table, keys, values, shared is not None)
            return Command(text, _arrays(table, keys + values, rows, shared))


def _conditions(select: Select) -> str:
    """Returns what rows have to be beside their key; its values follow key and region."""
    if not (select.null or select.filled or select.equal or select.since):
        return ""
    text = f" AND {select.null} IS NULL" if select.null else ""
    text += f" AND {select.filled} IS NOT NULL" if select.filled else ""
    text += f" AND {select.equal[0]} = $3" if select.equal else ""
    text += f" AND {select.since[0]} >= ${4 if select.equal else 3}" if select.since else ""
    return text


@functools.cache
def _select_text(
    table: sa.Table,
    columns: tuple[str, ...],
    key: str,
    conditions: str,
    order_by: tuple[str, ...],
    for_update: bool,
) -> bytes:
    # A look-up for each key, which OFFSET 0 keeps apart: it uses the index of region and
    # key whatever the statistics say. `key = ANY (…)` reads a whole region through another
    # index as long as the planner believes that a region has a few rows.
    lock = " FOR UPDATE" if for_update else ""
    order = f" ORDER BY {', '.join(order_by)}" if order_by and not for_update else ""
    return (
        f"SELECT found.* FROM (SELECT unnest($1::{array_type(table.c[key])}) AS value) AS wanted "  # noqa: S608
        f"CROSS JOIN LATERAL (SELECT {', '.join(columns)} FROM {table.name} "
        f"WHERE region = $2 AND {key} = wanted.value{conditions}{lock} OFFSET 0) AS found{order}"
    ).encode()


def _region_of(columns: tuple[str, ...], rows: Sequence[Row]) -> str | None:
    """Returns the region of rows that begin with one and share it, as those of a batch do.

    The server reads it once then, and not for each row: a third of a microsecond.
    """
    if columns[0] != _REGION:
        return None
    region: str = rows[0][0]
    return region if all([row[0] == region for row in rows]) else None


@functools.cache
def _insert_text(
    table: sa.Table, columns: tuple[str, ...], skip_existing: bool, is_of_region: bool
) -> bytes:
    conflict = " ON CONFLICT DO NOTHING" if skip_existing else ""
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) "
        f"SELECT {_unnested(table, columns, is_of_region)}{conflict}"
    ).encode()


@functools.cache
def _update_text(
    table: sa.Table, keys: tuple[str, ...], values: tuple[str, ...], is_of_region: bool
) -> bytes:
    sets = ", ".join(f"{name} = v.{name}" for name in values)
    matches = " AND ".join(f"t.{name} = v.{name}" for name in keys)
    made = _unnested(table, keys + values, is_of_region)
    return (
        f"UPDATE {table.name} AS t SET {sets} "  # noqa: S608 (names of our tables)
        f"FROM (SELECT {made}) AS v WHERE {matches}"
    ).encode()


def _unnested(table: sa.Table, columns: tuple[str, ...], is_of_region: bool) -> str:
    """Returns what makes rows of one array a column, in step; the region may be one for all.

    As a list of what is selected: as a table (`FROM unnest($1, $2)`) each column would be
    written to a store of its own and read from there.
    """
    made = [
        f"unnest(${place}::{array_type(table.c[name])}) AS {name}"
        for place, name in enumerate(columns, 1)
    ]
    if is_of_region:
        made[0] = f"$1::text AS {_REGION}"
    return ", ".join(made)


def _arrays(
    table: sa.Table, columns: tuple[str, ...], rows: Sequence[Row], region: str | None
) -> tuple[bytes, ...]:
    writers, by_column = _array_writers(table, columns), list(zip(*rows, strict=True))
    first = writers[0](by_column[0]) if region is None else text_value(region)
    rest = zip(writers[1:], by_column[1:], strict=True)
    return (first, *[write(values) for write, values in rest])


@functools.cache
def _array_writers(table: sa.Table, columns: tuple[str, ...]) -> tuple[ArrayWriter, ...]:
    return tuple(array_writer(table.c[name]) for name in columns)
