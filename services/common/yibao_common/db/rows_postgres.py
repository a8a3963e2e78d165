"""Set-based statements on PostgreSQL: see `rows`.

They go past SQLAlchemy to the driver, whose pipeline sends several statements before it
waits for the first answer. Waiting is what a batch spends most of its time on.
"""

import functools
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects import postgresql

from yibao_common.db.rows import Insert, Now, Row, Select, Statement, Update, check_updated
from yibao_common.values.errors import InvariantError

_POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]

# A batch's statements are planned once and kept, for planning costs a small batch as much as
# carrying them out. But what a plan was best for, such as a table that was still empty, may
# be past within a second, and nothing else would tell the server so.
_PLAN_ANEW = ("DISCARD PLANS", ())
_PLANS_HOLD_SECONDS = 0.25
_PLANS_HOLD_UNTIL = "plans_hold_until"

# Of the statement and not of its transaction, which may have waited for locks since.
_NOW = ("SELECT clock_timestamp()", ())

Cursor = psycopg.Cursor[Any]
Prepared = tuple[str, tuple[Any, ...]]


def execute(connection: sa.Connection, statements: Sequence[Statement]) -> list[list[Row]]:
    """Carries out statements in one round trip; returns the rows of each."""
    cursors = _cursors(connection, statements)
    return [
        _rows_of(statement, cursor) for statement, cursor in zip(statements, cursors, strict=True)
    ]


def insert_counted(connection: sa.Connection, insert: Insert) -> int:
    """Carries out an insert of at least one row and returns how many rows it stored."""
    (cursor,) = _cursors(connection, [insert])
    return 0 if cursor is None else cursor.rowcount


def _cursors(connection: sa.Connection, statements: Sequence[Statement]) -> list[Cursor | None]:
    # The driver connection begins the transaction that SQLAlchemy will commit.
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    prepared = [_text_and_values(statement) for statement in statements]
    if _is_due(connection.info, time.monotonic()):
        prepared.insert(0, _PLAN_ANEW)
    try:
        sent = sum(bool(text) for text, _ in prepared)
        # What begins a transaction is sent with its first statement.
        if sent > 1 or (sent and driver.info.transaction_status is TransactionStatus.IDLE):
            with driver.pipeline():
                cursors = _send(driver, prepared)
        else:
            cursors = _send(driver, prepared)
    except psycopg.Error as error:
        # As if it had gone through SQLAlchemy; neither text nor values are kept.
        raise sa.exc.DBAPIError.instance(
            "", None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        ) from error
    return cursors[len(cursors) - len(statements) :]


def _is_due(info: dict[str, Any], now: float) -> bool:
    """Tells, some times a second of each connection, that its plans are to be made anew."""
    if now < info.get(_PLANS_HOLD_UNTIL, 0.0):
        return False
    info[_PLANS_HOLD_UNTIL] = now + _PLANS_HOLD_SECONDS
    return True


def _send(driver: "psycopg.Connection[Any]", prepared: Sequence[Prepared]) -> list[Cursor | None]:
    return [driver.execute(text, values) if text else None for text, values in prepared]


def _rows_of(statement: Statement, cursor: Cursor | None) -> list[Row]:
    if cursor is None:
        return []
    if isinstance(statement, Select | Now):
        return cursor.fetchall()
    if isinstance(statement, Update):
        check_updated(statement, cursor.rowcount)
    return []


def _text_and_values(statement: Statement) -> Prepared:
    """Returns the SQL text and its parameters; no text where there is nothing to do."""
    match statement:
        case Now():
            return _NOW
        case Select(table, columns, region, key, among):
            if not among:
                return "", ()
            # Rows are locked in the order of their keys.
            keys = sorted(among) if statement.for_update else among
            since = statement.since
            text = _select_text(
                table,
                columns,
                key,
                statement.null,
                statement.order_by,
                statement.for_update,
                since[0] if since else None,
            )
            days = (since[1],) if since else ()
            return text, (_array_writer(table.c[key])(keys), region, *days)
        case Insert(table, columns, rows, skip_existing):
            if not rows:
                return "", ()
            return _insert_text(table, columns, skip_existing), _arrays(table, columns, rows)
        case Update(table, keys, values, rows):
            if not rows:
                return "", ()
            return _update_text(table, keys, values), _arrays(table, keys + values, rows)


@functools.cache
def _select_text(
    table: sa.Table,
    columns: tuple[str, ...],
    key: str,
    null: str | None,
    order_by: tuple[str, ...],
    for_update: bool,
    since: str | None,
) -> str:
    # A look-up for each key, which OFFSET 0 keeps apart: it uses the index of region and
    # key whatever the statistics say. `key = ANY (…)` reads a whole region through another
    # index as long as the planner believes that a region has a few rows.
    condition = f" AND {null} IS NULL" if null else ""
    condition += f" AND {since} >= %s" if since else ""
    lock = " FOR UPDATE" if for_update else ""
    order = f" ORDER BY {', '.join(order_by)}" if order_by and not for_update else ""
    return (
        f"SELECT found.* FROM unnest(%s::{_array_type(table.c[key])}) AS wanted(value) "  # noqa: S608
        f"CROSS JOIN LATERAL (SELECT {', '.join(columns)} FROM {table.name} "
        f"WHERE region = %s AND {key} = wanted.value{condition}{lock} OFFSET 0) AS found{order}"
    )


@functools.cache
def _insert_text(table: sa.Table, columns: tuple[str, ...], skip_existing: bool) -> str:
    conflict = " ON CONFLICT DO NOTHING" if skip_existing else ""
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) "  # noqa: S608 (names of our tables)
        f"SELECT * FROM unnest({_array_casts(table, columns)}){conflict}"
    )


@functools.cache
def _update_text(table: sa.Table, keys: tuple[str, ...], values: tuple[str, ...]) -> str:
    sets = ", ".join(f"{name} = v.{name}" for name in values)
    matches = " AND ".join(f"t.{name} = v.{name}" for name in keys)
    columns = ", ".join(keys + values)
    return (
        f"UPDATE {table.name} AS t SET {sets} "  # noqa: S608 (names of our tables)
        f"FROM unnest({_array_casts(table, keys + values)}) AS v({columns}) WHERE {matches}"
    )


def _array_type(column: "sa.Column[Any]") -> str:
    kind = column.type.dialect_impl(_POSTGRES)
    # The column itself enforces its length and collation.
    if isinstance(kind, sa.String):
        return "text[]"
    return f"{column.type.compile(dialect=_POSTGRES)}[]"


def _array_casts(table: sa.Table, columns: tuple[str, ...]) -> str:
    # Bytes travel in binary: their text form would be twice as long.
    return ", ".join(
        f"{'%b' if isinstance(table.c[name].type, sa.LargeBinary) else '%s'}"
        f"::{_array_type(table.c[name])}"
        for name in columns
    )


# Writes the values of a column as a parameter. The driver's own arrays look at every
# value with a regular expression, which costs more than the rest of a small statement.
ArrayWriter = Callable[[Sequence[Any]], Any]


def _arrays(table: sa.Table, columns: tuple[str, ...], rows: Sequence[Row]) -> tuple[Any, ...]:
    writers = _array_writers(table, columns)
    by_column = zip(*rows, strict=True)
    return tuple([write(values) for write, values in zip(writers, by_column, strict=True)])


@functools.cache
def _array_writers(table: sa.Table, columns: tuple[str, ...]) -> tuple[ArrayWriter, ...]:
    return tuple(_array_writer(table.c[name]) for name in columns)


@functools.cache
def _array_writer(column: "sa.Column[Any]") -> ArrayWriter:
    if isinstance(column.type, sa.LargeBinary):
        return list
    if isinstance(column.type, sa.Text):
        return _long_text_array
    return _text_array if isinstance(column.type, sa.String) else _plain_array


def _plain_array(values: Sequence[Any]) -> str:
    """Writes numbers, instants, days and truth values: nothing in them needs quotes."""
    first = values[0]
    # The rows of a batch share days and instants, whose texts take long to write.
    if first is not None and values.count(first) == len(values):
        return "{" + ",".join([str(first)] * len(values)) + "}"
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _text_array(values: Sequence[str | None]) -> str:
    """Writes text as an array literal, each value in quotes."""
    if None in values:
        quoted = ["NULL" if value is None else f'"{_escape(value)}"' for value in values]
        return "{" + ",".join(quoted) + "}"
    joined = "\x00".join(values)  # type: ignore[arg-type]  # the line above took None
    # PostgreSQL holds no zero character in text, so it can part the values here.
    if joined.count("\x00") != len(values) - 1:
        raise InvariantError("text holds a zero character")
    return '{"' + _escape(joined).replace("\x00", '","') + '"}'


class _BinaryTextArray(bytes):
    """A `text[]` in the protocol's binary form."""


class _BinaryTextArrayDumper(psycopg.adapt.Dumper):
    """Sends it as it is."""

    format = psycopg.pq.Format.BINARY
    oid = psycopg.adapters.types["text"].array_oid

    def dump(self, obj: _BinaryTextArray) -> bytes:
        """Returns the bytes that are sent."""
        return obj


def teach_arrays(connection: "psycopg.Connection[Any]") -> None:
    """Lets a new connection carry the arrays that are written here."""
    connection.adapters.register_dumper(_BinaryTextArray, _BinaryTextArrayDumper)


_TEXT_OID = psycopg.adapters.types["text"].oid
# Dimensions, whether any value is null, type of the values, their number, the first index.
_pack_array = struct.Struct("!iiIii").pack
_pack_length = struct.Struct("!i").pack
_NULL = _pack_length(-1)


def _long_text_array(values: Sequence[str | None]) -> _BinaryTextArray:
    """Writes long texts by their lengths: looking for quotes in them costs ten times as much."""
    parts = [_pack_array(1, None in values, _TEXT_OID, len(values), 1)]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            text = value.encode()
            parts += (_pack_length(len(text)), text)
    return _BinaryTextArray(b"".join(parts))


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
