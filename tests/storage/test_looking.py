"""What is looked at many times a second is found as it stands by then."""

import pytest
import sqlalchemy as sa
from support.databases import Databases

from yibao_common.db.database import Database
from yibao_common.db.rows import insert_rows, select_rows
from yibao_common.values.errors import TransientError

METADATA = sa.MetaData()
SIGN = sa.Table(
    "sign",
    METADATA,
    sa.Column("region", sa.String(6), primary_key=True),
    sa.Column("name", sa.String(40), primary_key=True),
)


@pytest.fixture
def database(databases: Databases) -> object:
    database = Database(databases.empty_url())
    METADATA.create_all(database.engine)
    yield database
    database.close()


def write(database: Database, name: str) -> None:
    with database.write() as connection:
        insert_rows(connection, SIGN, ("region", "name"), [("999019", name)])


def names(connection: sa.Connection) -> set[str]:
    rows = select_rows(connection, SIGN, ("name",), region="999019", key="region", among=["999019"])
    return {name for (name,) in rows}


def test_each_look_sees_what_was_committed_before(database: Database) -> None:
    assert database.look(names) == set()
    with database.write() as connection:
        insert_rows(connection, SIGN, ("region", "name"), [("999019", "a")])
        assert database.look(names) == set()
    assert database.look(names) == {"a"}
    write(database, "b")
    assert database.look(names) == {"a", "b"}


def test_a_look_goes_on_where_its_connection_was_lost(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has no connections that end")
    write(database, "a")

    def process(connection: sa.Connection) -> int:
        return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())

    lost = database.look(process)
    with database.write() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({lost}, 5000)")
    assert database.look(names) == {"a"}
    assert database.look(process) != lost


def test_nothing_is_written_by_a_look(database: Database) -> None:
    def change(connection: sa.Connection) -> None:
        insert_rows(connection, SIGN, ("region", "name"), [("999019", "a")])

    with pytest.raises((sa.exc.DBAPIError, TransientError)):
        database.look(change)
    assert database.look(names) == set()
