"""A PostgreSQL, or a pooler before it, that falls silent while its connections stay: given up."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.faulty_network import RelayToFile

from yibao_common.db.connection_postgres import PostgresConnection
from yibao_common.db.database import Database
from yibao_common.db.engine_postgres import wait_as_long_as_it_takes
from yibao_common.db.rows import Now, execute
from yibao_common.values.errors import TransientError

_SILENCE_SECONDS = 1.0


@pytest.fixture
def relay(postgres_databases: Databases) -> Iterator[RelayToFile]:
    url = sa.make_url(postgres_databases.empty_url())
    folder = Path(str(url.query["host"]))
    (path,) = (each for each in folder.glob(".s.PGSQL.*") if each.suffix != ".lock")
    with RelayToFile(str(path)) as relay:
        yield relay


@pytest.fixture
def database(
    postgres_databases: Databases, relay: RelayToFile, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """Opens a database through the relay, and waits for it for a second."""
    monkeypatch.setattr(PostgresConnection, "silence_seconds", _SILENCE_SECONDS)
    url = sa.make_url(postgres_databases.empty_url())
    through = url.set(host="127.0.0.1", port=relay.port, query={})
    with contextlib.closing(Database(through.render_as_string(hide_password=False))) as database:
        yield database


def travels(connection: sa.Connection) -> None:
    ((now,),) = execute(connection, [Now()])[0]
    assert now is not None


def goes_by_sqlalchemy(connection: sa.Connection) -> None:
    assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1


@pytest.mark.parametrize("asks", [travels, goes_by_sqlalchemy])
@pytest.mark.parametrize("begins", ["write", "read"])
def test_a_connection_that_falls_silent_is_given_up_and_made_anew(
    database: Database, relay: RelayToFile, asks: Callable[[sa.Connection], None], begins: str
) -> None:
    begin = getattr(database, begins)

    def fall_silent() -> None:
        with begin() as connection:
            asks(connection)
            relay.silence()
            asks(connection)

    with pytest.raises(TransientError):
        fall_silent()
    with begin() as connection:
        asks(connection)


def test_a_commit_without_an_answer_is_given_up(database: Database, relay: RelayToFile) -> None:
    def fall_silent() -> None:
        with database.write() as connection:
            travels(connection)
            relay.silence()

    with pytest.raises(TransientError):
        fall_silent()
    with database.write() as connection:
        travels(connection)


def test_what_may_take_its_time_is_not_given_up(database: Database) -> None:
    seconds = sa.text(f"SELECT pg_sleep({_SILENCE_SECONDS * 2})")
    with database.write() as connection:
        wait_as_long_as_it_takes(connection)
        connection.execute(seconds)
        travels(connection)
    with pytest.raises(TransientError), database.read() as connection:
        connection.execute(seconds)
