"""Tells whether anybody has written to a database, without looking at what it holds."""

import sqlite3
from typing import Protocol

from yibao_common.db.database import Database


class Commits(Protocol):
    """A number that changes with whatever another connection commits."""

    def count(self) -> int:
        """Returns it as it is now."""
        ...

    def close(self) -> None:
        """Lets the database go."""
        ...


class SqliteCommits:
    """Asks the file."""

    def __init__(self, database: Database) -> None:
        """Opens it beside the service."""
        file = database.engine.url.database
        self._connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)

    def count(self) -> int:
        """Returns a number that is of this connection alone."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


class PostgresCommits:
    """Asks for the next transaction that will write, of all databases of a server."""

    def __init__(self, database: Database) -> None:
        """Takes the database of the service."""
        self._database = database

    def count(self) -> int:
        """Returns the number of the next transaction; reading takes none."""
        asked = "SELECT CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text)"
        with self._database.read() as connection:
            return int(connection.exec_driver_sql(asked).scalar_one())

    def close(self) -> None:
        """Leaves the database to who opened it."""


def commits_of(database: Database) -> Commits:
    """Returns what counts for a kind of database."""
    return SqliteCommits(database) if database.is_sqlite else PostgresCommits(database)
