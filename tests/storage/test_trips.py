"""Statements that share a round trip, whatever their connection went through before."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from support.databases import Databases

from yibao_common.db.database import Database
from yibao_common.db.rows import Insert, Now, Select, Statement, Update, execute
from yibao_common.values.errors import InvariantError, TransientError

REGION = "999019"
METADATA = sa.MetaData()
PARCEL = sa.Table(
    "parcel",
    METADATA,
    sa.Column("region", sa.String(6), primary_key=True),
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("note", sa.Text),
    sa.Column("contents", sa.LargeBinary),
)
COLUMNS = ("region", "name", "note", "contents")


@pytest.fixture
def database(databases: Databases) -> object:
    database = Database(databases.empty_url(), readers=1, writers=1)
    METADATA.create_all(database.engine)
    yield database
    database.close()


def parcels(*names: str) -> Insert:
    return Insert(PARCEL, COLUMNS, [(REGION, name, "甲", b"\x00") for name in names])


def named(*names: str) -> Select:
    return Select(PARCEL, ("name",), REGION, "name", names)


def stored(database: Database, *names: str) -> list[str]:
    with database.read() as connection:
        (rows,) = execute(connection, [named(*names)])
    return sorted(name for (name,) in rows)


def read_and_fail(connection: sa.Connection) -> None:
    for _ in range(3):
        connection.execute(sa.select(PARCEL.c.name).where(PARCEL.c.region == REGION))
    execute(connection, [named("a")])
    raise ZeroDivisionError


def test_statements_of_a_trip_see_those_before_them(database: Database) -> None:
    with database.write() as connection:
        wanted: list[Statement] = [
            parcels("a", "b"),
            named("a", "b", "c"),
            Now(),
            parcels(),
            named("b"),
        ]
        inserted, found, ((time,),), nothing, again = execute(connection, wanted)
    assert (inserted, sorted(found), nothing, again) == ([], [("a",), ("b",)], [], [("b",)])
    assert time.utcoffset() is not None


def test_a_connection_goes_on_after_refusals_and_rollbacks(database: Database) -> None:
    """The driver drops what is prepared when it rolls back, if it prepared something itself."""
    for number in range(4):
        with database.write() as connection:
            execute(connection, [parcels(f"kept {number}"), named(f"kept {number}")])
            # Two times the same, so that the driver prepares it.
            for _ in range(3):
                connection.execute(sa.select(PARCEL.c.name).where(PARCEL.c.region == REGION))
        with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
            execute(connection, [parcels("lost"), parcels("kept 0"), named("lost")])
        missing = Update(PARCEL, ("region", "name"), ("note",), [(REGION, "never", "乙")])
        with pytest.raises(InvariantError), database.write() as connection:
            execute(connection, [parcels("lost"), missing])
    names = [f"kept {number}" for number in range(4)]
    assert stored(database, "lost", *names) == names


def test_a_reader_goes_on_after_a_rollback(database: Database) -> None:
    with database.write() as connection:
        execute(connection, [parcels("a")])
    for _ in range(3):
        assert stored(database, "a") == ["a"]
        with pytest.raises(ZeroDivisionError), database.read() as connection:
            read_and_fail(connection)


def test_more_is_sent_and_read_at_once_than_sockets_hold(database: Database) -> None:
    note = "费" * 200_000
    rows = [(REGION, f"long {number}", note, b"\x00\xff" * 300_000) for number in range(12)]
    names = tuple(name for _, name, *_ in rows)
    read = Select(PARCEL, COLUMNS, REGION, "name", names)
    with database.write() as connection:
        _, found, again = execute(connection, [Insert(PARCEL, COLUMNS, rows), read, read])
    assert sorted(found) == sorted(again) == sorted(rows)


def test_what_was_prepared_elsewhere_than_here_is_told_as_transient(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite prepares nothing that could be dropped")
    with database.write() as connection:
        execute(connection, [parcels("a")])
    with database.write() as connection:
        connection.exec_driver_sql("DEALLOCATE ALL")
    with pytest.raises(TransientError), database.write() as connection:
        execute(connection, [parcels("b")])
    with database.write() as connection:
        execute(connection, [parcels("b")])
    assert stored(database, "a", "b") == ["a", "b"]


def by_trip(connection: sa.Connection) -> None:
    execute(connection, [parcels("b"), named("a")])


def by_columns(connection: sa.Connection) -> None:
    connection.execute(sa.select(PARCEL.c.name))


@pytest.mark.parametrize("ask", [by_trip, by_columns])
def test_a_connection_that_ended_is_told_and_another_one_taken(
    database: Database, ask: Callable[[sa.Connection], None]
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has no connections that end")
    with database.write() as connection:
        execute(connection, [parcels("a")])
        process_id = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    other = sa.create_engine(database.engine.url)
    with other.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({process_id}, 5000)")
    other.dispose()
    with pytest.raises(TransientError), database.write() as connection:
        ask(connection)
    with database.write() as connection:
        execute(connection, [parcels("b")])
    assert stored(database, "a", "b") == ["a", "b"]
