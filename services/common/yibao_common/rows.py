"""Set-based statements over whole batches: many rows, one round trip.

One SQL text a table and use, the same for any number of rows: on PostgreSQL the
columns travel as arrays (`unnest`), on SQLite rows are bound one by one in the same
statement and keys travel as JSON. Values are those of the Python side on both: str
identifiers, int, bytes, bool, aware datetimes, dates.
"""

import datetime as dt
import functools
import json
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

Row = tuple[Any, ...]


class Instant(sa.types.TypeDecorator[dt.datetime]):
    """An aware instant: `timestamptz` on PostgreSQL, microseconds since 1970 on SQLite."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Returns the column type of the dialect."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.DateTime(timezone=True))
        return dialect.type_descriptor(sa.BigInteger())

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> Any:
        """Returns what the driver stores."""
        if value is None or dialect.name == "postgresql":
            return value
        return _instant_to_sqlite(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> dt.datetime | None:
        """Returns the instant, aware, in UTC."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            assert isinstance(value, dt.datetime)
            return value
        return _instant_from_sqlite(value)


def code_type(length: int) -> sa.types.TypeEngine[str]:
    """Returns a text column type that sorts by bytes on both databases."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


# A UUID in its text form: native on PostgreSQL, text on SQLite.
Id = sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _instant_to_sqlite(value: dt.datetime) -> int:
    return (value - _EPOCH) // dt.timedelta(microseconds=1)


def _instant_from_sqlite(value: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=value)


def insert_rows(
    connection: sa.Connection,
    table: sa.Table,
    columns: tuple[str, ...],
    rows: Sequence[Row],
    *,
    skip_existing: bool = False,
) -> None:
    """Inserts `rows`, whose values stand in the order of `columns`.

    With `skip_existing`, rows whose primary key is stored already are left out.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        sql = _postgres_insert(table, columns, skip_existing)
        connection.exec_driver_sql(sql, _arrays(table, columns, rows))
    else:
        sql = _sqlite_insert(table, columns, skip_existing)
        connection.exec_driver_sql(sql, _to_sqlite(table, columns, rows))


def update_rows(
    connection: sa.Connection,
    table: sa.Table,
    *,
    keys: tuple[str, ...],
    values: tuple[str, ...],
    rows: Sequence[Row],
) -> None:
    """Updates one stored row for each of `rows`: its key values, then the new values.

    Asserts that every row was there.
    """
    if not rows:
        return
    columns = keys + values
    if connection.dialect.name == "postgresql":
        result = connection.exec_driver_sql(
            _postgres_update(table, keys, values), _arrays(table, columns, rows)
        )
    else:
        turned = [row[len(keys) :] + row[: len(keys)] for row in _to_sqlite(table, columns, rows)]
        result = connection.exec_driver_sql(_sqlite_update(table, keys, values), turned)
    assert result.rowcount == len(rows), (table.name, result.rowcount, len(rows))


def select_rows(
    connection: sa.Connection,
    table: sa.Table,
    columns: tuple[str, ...],
    *,
    region: str,
    key: str,
    among: Iterable[str],
    null: str | None = None,
    order_by: tuple[str, ...] = (),
    for_update: bool = False,
) -> list[Row]:
    """Selects `columns` of the region's rows whose `key` is one of `among`.

    With `null`, only rows in which that column is null.
    With `for_update` the rows are locked in the order of `order_by`; SQLite has locked
    the whole database when the transaction began.
    """
    wanted = list(among)
    if not wanted:
        return []
    if connection.dialect.name == "postgresql":
        sql = _postgres_select(table, columns, key, null, order_by, for_update)
        array = _array_writer(table.c[key])(wanted)
        return [tuple(row) for row in connection.exec_driver_sql(sql, (region, array))]
    sql = _sqlite_select(table, columns, key, null, order_by)
    found = connection.exec_driver_sql(sql, (region, json.dumps(wanted)))
    return _from_sqlite(table, columns, [tuple(row) for row in found])


_POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]


def _array_type(column: "sa.Column[Any]") -> str:
    kind = column.type.dialect_impl(_POSTGRES)
    # The column itself enforces its length and collation.
    if isinstance(kind, sa.String):
        return "text[]"
    return f"{column.type.compile(dialect=_POSTGRES)}[]"


@functools.cache
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


def _array_writer(column: "sa.Column[Any]") -> ArrayWriter:
    if isinstance(column.type, sa.LargeBinary):
        return list
    return _text_array if isinstance(column.type, sa.String) else _plain_array


def _plain_array(values: Sequence[Any]) -> str:
    """Writes numbers, instants, days and truth values: nothing in them needs quotes."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _text_array(values: Sequence[str | None]) -> str:
    """Writes text as an array literal, each value in quotes."""
    if None in values:
        quoted = ["NULL" if value is None else f'"{_escape(value)}"' for value in values]
        return "{" + ",".join(quoted) + "}"
    joined = "\x00".join(values)  # type: ignore[arg-type]  # the line above took None
    # PostgreSQL holds no zero character in text, so it can part the values here.
    assert joined.count("\x00") == len(values) - 1, "text holds a zero character"
    return '{"' + _escape(joined).replace("\x00", '","') + '"}'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


@functools.cache
def _postgres_insert(table: sa.Table, columns: tuple[str, ...], skip_existing: bool) -> str:
    conflict = " ON CONFLICT DO NOTHING" if skip_existing else ""
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) "  # noqa: S608 (names of our tables)
        f"SELECT * FROM unnest({_array_casts(table, columns)}){conflict}"
    )


@functools.cache
def _sqlite_insert(table: sa.Table, columns: tuple[str, ...], skip_existing: bool) -> str:
    verb = "INSERT OR IGNORE" if skip_existing else "INSERT"
    marks = ", ".join("?" for _ in columns)
    return f"{verb} INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"


@functools.cache
def _postgres_update(table: sa.Table, keys: tuple[str, ...], values: tuple[str, ...]) -> str:
    sets = ", ".join(f"{name} = v.{name}" for name in values)
    matches = " AND ".join(f"t.{name} = v.{name}" for name in keys)
    columns = ", ".join(keys + values)
    return (
        f"UPDATE {table.name} AS t SET {sets} "  # noqa: S608 (names of our tables)
        f"FROM unnest({_array_casts(table, keys + values)}) AS v({columns}) WHERE {matches}"
    )


@functools.cache
def _sqlite_update(table: sa.Table, keys: tuple[str, ...], values: tuple[str, ...]) -> str:
    sets = ", ".join(f"{name} = ?" for name in values)
    matches = " AND ".join(f"{name} = ?" for name in keys)
    return f"UPDATE {table.name} SET {sets} WHERE {matches}"  # noqa: S608 (our names)


@functools.cache
def _postgres_select(
    table: sa.Table,
    columns: tuple[str, ...],
    key: str,
    null: str | None,
    order_by: tuple[str, ...],
    lock: bool,
) -> str:
    return (
        f"SELECT {', '.join(columns)} FROM {table.name} "  # noqa: S608 (names of our tables)
        f"WHERE region = %s AND {key} = ANY(%s::{_array_type(table.c[key])}){_tail(null, order_by)}"
        + (" FOR UPDATE" if lock else "")
    )


@functools.cache
def _sqlite_select(
    table: sa.Table,
    columns: tuple[str, ...],
    key: str,
    null: str | None,
    order_by: tuple[str, ...],
) -> str:
    return (
        f"SELECT {', '.join(columns)} FROM {table.name} "  # noqa: S608 (names of our tables)
        f"WHERE region = ? AND {key} IN (SELECT value FROM json_each(?)){_tail(null, order_by)}"
    )


def _tail(null: str | None, order_by: tuple[str, ...]) -> str:
    condition = f" AND {null} IS NULL" if null else ""
    return condition + (f" ORDER BY {', '.join(order_by)}" if order_by else "")


Convert = Callable[[Any], Any]


@functools.cache
def _sqlite_converters(
    table: sa.Table, columns: tuple[str, ...]
) -> tuple[tuple[int, Convert, Convert], ...]:
    """Lists the columns whose Python values SQLite cannot hold: place, to, from."""
    found: list[tuple[int, Convert, Convert]] = []
    for place, name in enumerate(columns):
        column_type = table.c[name].type
        if isinstance(column_type, Instant):
            found.append((place, _instant_to_sqlite, _instant_from_sqlite))
        elif isinstance(column_type, sa.Date):
            found.append((place, operator.methodcaller("isoformat"), dt.date.fromisoformat))
        elif isinstance(column_type, sa.Boolean):
            found.append((place, int, bool))
    return tuple(found)


def _convert(rows: Sequence[Row], converters: Sequence[tuple[int, Convert]]) -> list[Row]:
    if not converters:
        return list(rows)
    converted = []
    for row in rows:
        values = list(row)
        for place, convert in converters:
            if values[place] is not None:
                values[place] = convert(values[place])
        converted.append(tuple(values))
    return converted


def _to_sqlite(table: sa.Table, columns: tuple[str, ...], rows: Sequence[Row]) -> list[Row]:
    converters = _sqlite_converters(table, columns)
    return _convert(rows, [(place, to) for place, to, _ in converters])


def _from_sqlite(table: sa.Table, columns: tuple[str, ...], rows: Sequence[Row]) -> list[Row]:
    converters = _sqlite_converters(table, columns)
    return _convert(rows, [(place, back) for place, _, back in converters])
