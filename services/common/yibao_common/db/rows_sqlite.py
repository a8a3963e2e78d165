"""Set-based statements on SQLite: see `rows`."""

import datetime as dt
import functools
import json
import operator
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import (
    Insert,
    Instant,
    Now,
    Row,
    Select,
    Statement,
    Update,
    check_updated,
    instant_from_sqlite,
    instant_to_sqlite,
)
from yibao_common.values.clock import system_clock


def execute(connection: sa.Connection, statements: Sequence[Statement]) -> list[list[Row]]:
    """Carries out statements one after the other; returns the rows of each."""
    return [_execute_one(connection, statement) for statement in statements]


def insert_counted(connection: sa.Connection, insert: Insert) -> int:
    """Carries out an insert of at least one row and returns how many rows it stored."""
    rows = _to_sqlite(insert.table, insert.columns, insert.rows)
    sql = _insert_text(insert.table, insert.columns, insert.skip_existing)
    return connection.exec_driver_sql(sql, rows).rowcount


def _execute_one(connection: sa.Connection, statement: Statement) -> list[Row]:
    if isinstance(statement, Select):
        return _select(connection, statement) if statement.among else []
    if isinstance(statement, Now):
        return [(system_clock(),)]
    if not statement.rows:
        return []
    if isinstance(statement, Insert):
        insert_counted(connection, statement)
        return []
    _update(connection, statement)
    return []


def _select(connection: sa.Connection, select: Select) -> list[Row]:
    names = ", ".join(select.columns)
    condition = f" AND {select.null} IS NULL" if select.null else ""
    condition += f" AND {select.filled} IS NOT NULL" if select.filled else ""
    further: tuple[str, ...] = ()
    if select.equal:
        condition += f" AND {select.equal[0]} = ?"
        further = (select.equal[1],)
    if select.since:
        condition += f" AND {select.since[0]} >= ?"
        further += (select.since[1].isoformat(),)
    order = f" ORDER BY {', '.join(select.order_by)}" if select.order_by else ""
    sql = (
        f"SELECT {names} FROM {select.table.name} WHERE region = ? AND {select.key} "  # noqa: S608
        f"IN (SELECT value FROM json_each(?)){condition}{order}"
    )
    values = (select.region, json.dumps(list(select.among)), *further)
    found = connection.exec_driver_sql(sql, values)
    return _from_sqlite(select.table, select.columns, [tuple(row) for row in found])


def _update(connection: sa.Connection, update: Update) -> None:
    width = len(update.keys)
    rows = _to_sqlite(update.table, update.keys + update.values, update.rows)
    # The values come before the keys in the text.
    turned = [row[width:] + row[:width] for row in rows]
    result = connection.exec_driver_sql(
        _update_text(update.table, update.keys, update.values), turned
    )
    check_updated(update, result.rowcount)


@functools.cache
def _insert_text(table: sa.Table, columns: tuple[str, ...], skip_existing: bool) -> str:
    verb = "INSERT OR IGNORE" if skip_existing else "INSERT"
    marks = ", ".join("?" for _ in columns)
    return f"{verb} INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"


@functools.cache
def _update_text(table: sa.Table, keys: tuple[str, ...], values: tuple[str, ...]) -> str:
    sets = ", ".join(f"{name} = ?" for name in values)
    matches = " AND ".join(f"{name} = ?" for name in keys)
    return f"UPDATE {table.name} SET {sets} WHERE {matches}"  # noqa: S608 (our own names)


Convert = Callable[[Any], Any]


@functools.cache
def _converters(
    table: sa.Table, columns: tuple[str, ...]
) -> tuple[tuple[int, Convert, Convert], ...]:
    """Lists the columns whose Python values SQLite cannot hold: place, to, from."""
    found: list[tuple[int, Convert, Convert]] = []
    for place, name in enumerate(columns):
        column_type = table.c[name].type
        if isinstance(column_type, Instant):
            found.append((place, instant_to_sqlite, instant_from_sqlite))
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
    return _convert(rows, [(place, to) for place, to, _ in _converters(table, columns)])


def _from_sqlite(table: sa.Table, columns: tuple[str, ...], rows: Sequence[Row]) -> list[Row]:
    return _convert(rows, [(place, back) for place, _, back in _converters(table, columns)])
