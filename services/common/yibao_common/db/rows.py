"""Set-based statements over whole batches: many rows a statement, many statements a trip.

One SQL text a table and use, the same for any number of rows: on PostgreSQL the columns
travel as arrays (`unnest`) and the statements of one `execute` go in one round trip; on
SQLite rows are bound one by one and keys travel as JSON. Values are those of the Python
side on both: str identifiers, int, bytes, bool, aware datetimes, dates.
"""

import contextlib
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from yibao_common.values.errors import InvariantError

Row = tuple[Any, ...]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


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
        return instant_to_sqlite(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> dt.datetime | None:
        """Returns the instant, aware, in UTC."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            assert isinstance(value, dt.datetime)
            return value
        return instant_from_sqlite(value)


def instant_to_sqlite(value: dt.datetime) -> int:
    """Returns the microseconds since 1970 of an aware instant."""
    return (value - _EPOCH) // dt.timedelta(microseconds=1)


def instant_from_sqlite(value: int) -> dt.datetime:
    """Returns the instant, aware, in UTC, of microseconds since 1970."""
    return _EPOCH + dt.timedelta(microseconds=value)


def code_type(length: int) -> sa.types.TypeEngine[str]:
    """Returns a text column type that sorts by bytes on both databases."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


# A UUID in its text form: native on PostgreSQL, text on SQLite.
Id = sa.String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")


@dataclass(frozen=True, slots=True)
class Select:
    """Selects `columns` of the region's rows whose `key` is one of `among`.

    `among` has no key twice. With `null`, only rows in which that column is null, with `filled`
    only rows in which it is not; with `since`, a column and a day, only rows in which that column
    is not before the day; with `equal`, a column and a text, only rows in which it is that. With
    `for_update` the rows are locked in the order of their keys; SQLite has locked the
    whole database when the transaction began.
    """

    table: sa.Table
    columns: tuple[str, ...]
    region: str
    key: str
    among: Sequence[str]
    null: str | None = None
    order_by: tuple[str, ...] = ()
    for_update: bool = False
    since: tuple[str, dt.date] | None = None
    filled: str | None = None
    equal: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Insert:
    """Inserts rows whose values stand in the order of `columns`.

    With `skip_existing`, rows whose primary key is stored already are left out.
    """

    table: sa.Table
    columns: tuple[str, ...]
    rows: Sequence[Row]
    skip_existing: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """Updates one stored row for each of `rows`: its key values, then the new values.

    Every row must be there.
    """

    table: sa.Table
    keys: tuple[str, ...]
    values: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Now:
    """Asks for the time: one row of one instant.

    It is that of the database's clock, which all processes share, when the statement is carried
    out; on SQLite, whose processes are on one machine, that of the machine.
    """


Statement = Select | Insert | Update | Now


def check_updated(update: Update, count: int) -> None:
    """Refuses an update that found `count` rows where each of its rows had to be there.

    Raises:
        InvariantError: it found fewer, so what was decided on is not what is stored.
    """
    if count != len(update.rows):
        raise InvariantError(f"{update.table.name}: {count} of {len(update.rows)} rows updated")


def execute(connection: sa.Connection, statements: Sequence[Statement]) -> list[list[Row]]:
    """Carries out statements in their order; returns the rows of each.

    A statement without rows or keys is passed over; inserts and updates return no rows.
    Raises InvariantError where a row to be updated was not there.
    """
    # Both need the types above, and nobody else needs them.
    from yibao_common.db import rows_postgres, rows_sqlite

    if _is_postgresql(connection):
        return rows_postgres.execute(connection, statements)
    return rows_sqlite.execute(connection, statements)


def looked_up(connection: sa.Connection) -> contextlib.AbstractContextManager[None]:
    """Within, rows are found by keys through the indexes of these, whatever statistics say.

    PostgreSQL reads a table whole for each key where few keys have all of its rows, as the
    accounts of funds and one hospital have where nobody has a personal account. The
    transaction is one that reads.
    """
    return _without(connection, "enable_seqscan", "enable_bitmapscan")


def joined_whole(connection: sa.Connection) -> contextlib.AbstractContextManager[None]:
    """Within, tables are joined whole, and not row by row, whatever statistics say.

    PostgreSQL takes a table of which it has no statistics yet for one of few rows: it then reads
    all rows of one for each row of the other. The transaction is one that reads.
    """
    return _without(connection, "enable_nestloop")


@contextlib.contextmanager
def _without(connection: sa.Connection, *ways: str) -> Iterator[None]:
    """Keeps PostgreSQL's planner from some ways; SQLite has none of them."""
    if not _is_postgresql(connection):
        yield
        return
    settings = ", ".join(f"set_config('{way}', %(are)s, true)" for way in ways)
    connection.exec_driver_sql(f"SELECT {settings}", {"are": "off"})
    yield
    # Not where it fails: with the transaction all this ends.
    connection.exec_driver_sql(f"SELECT {settings}", {"are": "on"})


def _is_postgresql(connection: sa.Connection) -> bool:
    return connection.dialect.name == "postgresql"


def database_time(connection: sa.Connection) -> dt.datetime:
    """Carries out one `Now` and returns the instant, aware, in UTC."""
    ((row,),) = execute(connection, [Now()])
    now: dt.datetime = row[0]
    return now


def insert_rows(
    connection: sa.Connection,
    table: sa.Table,
    columns: tuple[str, ...],
    rows: Sequence[Row],
    *,
    skip_existing: bool = False,
) -> None:
    """Carries out one `Insert`."""
    execute(connection, [Insert(table, columns, rows, skip_existing)])


def insert_missing_rows(
    connection: sa.Connection, table: sa.Table, columns: tuple[str, ...], rows: Sequence[Row]
) -> int:
    """Inserts rows whose primary key is not stored yet and returns how many these were.

    Waits for a transaction that stores the same key now.
    """
    from yibao_common.db import rows_postgres, rows_sqlite

    insert = Insert(table, columns, rows, skip_existing=True)
    if not rows:
        return 0
    if _is_postgresql(connection):
        return rows_postgres.insert_counted(connection, insert)
    return rows_sqlite.insert_counted(connection, insert)


def update_rows(
    connection: sa.Connection,
    table: sa.Table,
    *,
    keys: tuple[str, ...],
    values: tuple[str, ...],
    rows: Sequence[Row],
) -> None:
    """Carries out one `Update`."""
    execute(connection, [Update(table, keys, values, rows)])


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
    """Carries out one `Select` and returns its rows."""
    wanted = tuple(among)
    select = Select(table, columns, region, key, wanted, null, order_by, for_update)
    return execute(connection, [select])[0]
