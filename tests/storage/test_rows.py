"""Set-based statements give the same rows back on both databases."""

import contextlib
import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.databases import Databases

from yibao_common.db.database import Database
from yibao_common.db.rows import (
    Id,
    Instant,
    Row,
    Select,
    code_type,
    execute,
    insert_rows,
    select_rows,
    update_rows,
)
from yibao_common.values.errors import InvariantError, TransientError
from yibao_common.values.ids import new_id

metadata = sa.MetaData()
thing = sa.Table(
    "thing",
    metadata,
    sa.Column("region", sa.String(6), primary_key=True),
    sa.Column("thing_id", Id, primary_key=True),
    sa.Column("code", code_type(80), nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("amount_fen", sa.BigInteger),
    sa.Column("contents", sa.LargeBinary),
    sa.Column("is_open", sa.Boolean),
    sa.Column("day", sa.Date),
    sa.Column("time", Instant),
    sa.Column("former_id", Id),
)
COLUMNS = tuple(column.name for column in thing.columns)


@pytest.fixture
def database(databases: Databases) -> Database:
    database = Database(databases.empty_url())
    metadata.create_all(database.engine)
    return database


@pytest.fixture(autouse=True)
def _closed(database: Database) -> object:
    yield
    database.close()


# PostgreSQL stores no zero character and no lone surrogate in text.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
awkward = st.sampled_from(
    ['"', "\\", ",", "{}", "NULL", "null", " a ", "\n", "甲类", "'", '\\"', ""]
)
# Without a zone, as `datetimes` asks; a day within what all zones have.
FIRST, LAST = dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)  # noqa: DTZ001
zones = st.just(dt.UTC) | st.just(dt.timezone(dt.timedelta(hours=8)))
rows = st.lists(
    st.tuples(
        texts | awkward,
        st.none() | texts | awkward,
        st.none() | st.integers(-(2**62), 2**62),
        st.none() | st.binary(max_size=20),
        st.none() | st.booleans(),
        st.none() | st.dates(dt.date(1900, 1, 1), dt.date(9999, 1, 1)),
        st.none() | st.datetimes(FIRST, LAST, timezones=zones),
        st.none() | st.uuids().map(str),
    ),
    min_size=1,
    max_size=5,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=rows)
def test_values_come_back_as_they_went_in(database: Database, values: list[Row]) -> None:
    stored = [("999019", new_id(), *row) for row in values]
    with database.write() as connection:
        insert_rows(connection, thing, COLUMNS, stored)
        found = select_rows(
            connection,
            thing,
            COLUMNS,
            region="999019",
            key="thing_id",
            among=[row[1] for row in stored],
            order_by=("thing_id",),
            for_update=True,
        )
        assert [_plain(row) for row in found] == stored
        turned = [(row[0], row[1], row[3], row[7], row[8]) for row in reversed(stored)]
        update_rows(
            connection,
            thing,
            keys=("region", "thing_id"),
            values=("note", "day", "time"),
            rows=turned,
        )


def _plain(row: Row) -> Row:
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)


def test_text_keys_find_exactly_their_rows(database: Database) -> None:
    codes = ['a"b', "a\\b", "a,b", "甲", "{x}", "A", "a"]
    stored = [("999019", new_id(), code, *[None] * 7) for code in codes]
    with database.write() as connection:
        insert_rows(connection, thing, COLUMNS, stored)
    with database.read() as connection:
        for code in codes:
            found = select_rows(
                connection, thing, ("code",), region="999019", key="code", among=[code]
            )
            assert found == [(code,)]
        nothing = select_rows(connection, thing, ("code",), region="1", key="code", among=codes)
        assert nothing == []
        everything = select_rows(
            connection, thing, ("code",), region="999019", key="code", among=codes,
            order_by=("code",),
        )  # fmt: skip
        assert [row[0] for row in everything] == sorted(codes)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "01a22cec",
        "01a22cec-2433-7002-8894-3bf2fa05822",
        "01a22cec-2433-7002-8894-3bf2fa0582266",
        "01a22cec-2433-7002-8894-3bf2fa05822g",
        "01a22cec-2433-7002-8894-3bf2fa05822\u0661",
    ],
)
@pytest.mark.parametrize("others", [(), (None,), ("01a22cec-2433-7002-8894-3bf2fa058226",)])
def test_what_is_no_uuid_comes_into_no_identifier(
    postgres_databases: Databases, wrong: str, others: tuple[str | None, ...]
) -> None:
    database = Database(postgres_databases.empty_url())
    metadata.create_all(database.engine)
    columns = ("region", "thing_id", "code", "former_id")
    stored = [("999019", new_id(), "x", each) for each in (*others, wrong)]
    with contextlib.closing(database), database.write() as connection:
        with pytest.raises(InvariantError, match="no UUID"):
            insert_rows(connection, thing, columns, stored)
        assert connection.scalar(sa.select(sa.func.count()).select_from(thing)) == 0


def test_null_selects_only_rows_without_a_value(database: Database) -> None:
    open_id, closed_id = new_id(), new_id()
    with database.write() as connection:
        insert_rows(
            connection,
            thing,
            ("region", "thing_id", "code", "note"),
            [("1", open_id, "x", None), ("1", closed_id, "x", "done")],
        )
        found = select_rows(
            connection, thing, ("thing_id",), region="1", key="code", among=["x"], null="note"
        )
        filled = select_rows_with(connection, filled="note")
    assert found == [(open_id,)]
    assert filled == [(closed_id,)]


def test_equal_selects_only_rows_that_have_a_value(database: Database) -> None:
    first, later = new_id(), new_id()
    day = dt.date(2026, 11, 1)
    with database.write() as connection:
        insert_rows(
            connection,
            thing,
            ("region", "thing_id", "code", "note", "day"),
            [
                ("1", first, "x", "it's", day - dt.timedelta(days=1)),
                ("1", later, "x", "it's", day),
                ("1", new_id(), "x", "other", day),
                ("1", new_id(), "x", None, day),
            ],
        )
        both = select_rows_with(connection, equal=("note", "it's"))
        since = select_rows_with(connection, equal=("note", "it's"), since=("day", day))
    assert set(both) == {(first,), (later,)}
    assert since == [(later,)]


def select_rows_with(connection: sa.Connection, **conditions: Any) -> list[Row]:
    select = Select(thing, ("thing_id",), "1", "code", ("x",), **conditions)
    return execute(connection, [select])[0]


def test_since_selects_only_rows_of_a_day_or_later(database: Database) -> None:
    day = dt.date(2026, 11, 1)
    days = {new_id(): day + dt.timedelta(days=at) for at in (-1, 0, 1)} | {new_id(): None}
    with database.write() as connection:
        insert_rows(
            connection,
            thing,
            ("region", "thing_id", "code", "day"),
            [("1", thing_id, "x", of) for thing_id, of in days.items()],
        )
        select = Select(thing, ("thing_id",), "1", "code", ("x", "y"), since=("day", day))
        (found,) = execute(connection, [select])
    assert {row[0] for row in found} == {each for each, of in days.items() if of and of >= day}


def test_rows_of_several_regions_keep_their_own(database: Database) -> None:
    """Those of a batch share one, which is sent once; nothing else may be taken for shared."""
    regions = ["500112", "999019", "500112"]
    stored = [(region, new_id(), "x", "n") for region in regions]
    with database.write() as connection:
        insert_rows(connection, thing, ("region", "thing_id", "code", "note"), stored)
        update_rows(
            connection,
            thing,
            keys=("region", "thing_id"),
            values=("note",),
            rows=[(region, thing_id, region) for region, thing_id, *_ in stored],
        )
        found = connection.execute(sa.select(thing.c.thing_id, thing.c.region, thing.c.note))
        assert {tuple(row) for row in found} == {(row[1], row[0], row[0]) for row in stored}


def test_rows_stored_already_are_passed_over_when_asked(database: Database) -> None:
    row = ("1", new_id(), "first", "n")
    columns = ("region", "thing_id", "code", "note")
    with database.write() as connection:
        insert_rows(connection, thing, columns, [row])
        insert_rows(connection, thing, columns, [(*row[:2], "second", "m")], skip_existing=True)
        found = select_rows(connection, thing, ("code",), region="1", key="code", among=["first"])
    assert found == [("first",)]
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        insert_rows(connection, thing, columns, [row])


def test_updating_a_row_that_is_not_there_is_a_broken_assumption(database: Database) -> None:
    with pytest.raises(AssertionError), database.write() as connection:
        update_rows(
            connection, thing, keys=("region", "thing_id"), values=("note",),
            rows=[("1", new_id(), "x")],
        )  # fmt: skip


def test_a_failed_block_stores_nothing(database: Database) -> None:
    def crash() -> None:
        with database.write() as connection:
            insert_rows(connection, thing, ("region", "thing_id", "code"), [("1", new_id(), "x")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crash()
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(thing)).scalar() == 0


def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises((sa.exc.DBAPIError, TransientError)), database.read() as connection:
        insert_rows(connection, thing, ("region", "thing_id", "code"), [("1", new_id(), "x")])
