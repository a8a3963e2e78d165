"""Databases: the same code on SQLite (embedded) and PostgreSQL.

Commits are durable before they return: SQLite in WAL mode with synchronous=FULL,
PostgreSQL with synchronous_commit=on. Writing transactions take the write lock at
their beginning on SQLite; on PostgreSQL they run READ COMMITTED and lock rows.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import sqlalchemy as sa

from yibao_common.db import engine_sqlite
from yibao_common.values.errors import TransientError

FoundT = TypeVar("FoundT")

# The numbers of transactions, without the 32 bits that wrap around.
_OWN_TRANSACTION = sa.text("SELECT pg_current_xact_id()::text::bigint")
_OLDEST_TRANSACTION = sa.text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
# Of those that have written something yet, or locked something.
_LONGEST_WRITING = sa.text(
    "SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)::float8"
    " FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL"
)
_POLL_SECONDS = 0.05


class Database:
    """One database with a writing connection pool and a reading one."""

    def __init__(self, url: str, *, readers: int = 6, writers: int = 6) -> None:
        """Opens `url`: `sqlite:///file` or `postgresql+psycopg://…`."""
        parsed = sa.make_url(url)
        self._shown = parsed.render_as_string(hide_password=True)
        if parsed.get_backend_name() == "sqlite":
            self._writer = engine_sqlite.open_engine(parsed, begin="BEGIN IMMEDIATE", size=1)
            self._reader = engine_sqlite.open_engine(
                parsed, begin="BEGIN", size=readers, read_only=True
            )
            self._looker = self._reader
        else:
            # The driver takes a tenth of a second to import.
            from yibao_common.db import engine_postgres

            self._writer = engine_postgres.open_engine(parsed, size=writers)
            self._reader = engine_postgres.open_engine(parsed, size=readers, read_only=True)
            self._looker = engine_postgres.open_looking_engine(parsed)

        self._looking: sa.Connection | None = None
        self._looking_lock = threading.Lock()

    def __str__(self) -> str:
        """Names the database for who operates it, without a password."""
        return f"database {self._shown}"

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite, which one process at a time may serve."""
        return self._writer.dialect.name == "sqlite"

    @property
    def engine(self) -> sa.Engine:
        """The writing engine, for migrations."""
        return self._writer

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Gives a connection in a transaction; commits at the end, rolls back on error.

        Raises TransientError where the database asks to run the transaction again or was
        unreachable; whether a lost commit took effect is then found by request id.
        """
        with _transient_told(self._writer), self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Gives a connection in a read-only transaction over one snapshot.

        Raises TransientError where the database was unreachable.
        """
        with _transient_told(self._reader), self._reader.begin() as connection:
            yield connection

    def look(self, ask: Callable[[sa.Connection], FoundT]) -> FoundT:
        """Returns what one statement finds that is asked many times a second.

        On PostgreSQL it is carried out by itself, in one round trip, on a connection that is
        kept. Raises TransientError where the database was unreachable twice.
        """
        if self.is_sqlite:
            with self.read() as connection:
                return ask(connection)
        with self._looking_lock:
            try:
                return self._ask(ask)
            except TransientError:
                # The connection may have been lost since it was asked last.
                return self._ask(ask)

    def _ask(self, ask: Callable[[sa.Connection], FoundT]) -> FoundT:
        try:
            with _transient_told(self._looker):
                if self._looking is None:
                    self._looking = self._looker.connect()
                return ask(self._looking)
        except BaseException:
            lost, self._looking = self._looking, None
            if lost is not None:
                lost.invalidate()
                lost.close()
            raise

    def others_ended(self, *, within_seconds: float = 10) -> bool:
        """Waits until every writing transaction that has begun by now has ended.

        False where one goes on for longer. What such a transaction wrote is committed
        then, or never will be; and whoever begins later sees what was committed before
        this call. On SQLite only one transaction writes at a time.
        """
        if self.is_sqlite:
            with self.write():
                return True
        with self.write() as connection:
            # Greater than the id of every transaction that has written anything yet.
            own_id = connection.execute(_OWN_TRANSACTION).scalar_one()
        end = time.monotonic() + within_seconds
        while True:
            with self.read() as connection:
                if connection.execute(_OLDEST_TRANSACTION).scalar_one() >= own_id:
                    return True
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_SECONDS)

    def writing_for_seconds(self) -> float:
        """Returns for how long the oldest transaction that writes has been under way.

        0 where none does, and on SQLite, whose next one cannot begin before it ended.
        """
        if self.is_sqlite:
            return 0.0
        return float(
            self.look(lambda connection: connection.execute(_LONGEST_WRITING).scalar_one())
        )

    def close(self) -> None:
        """Closes every connection."""
        self._writer.dispose()
        self._reader.dispose()
        with self._looking_lock:
            if self._looking is not None:
                self._looking.close()
            self._looker.dispose()


@contextlib.contextmanager
def _transient_told(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except sa.exc.TimeoutError as error:  # every connection of the pool is taken
        raise TransientError("no connection is free") from error
    except sa.exc.DBAPIError as error:
        if _is_old_plan(error):
            # Every connection of the pool has prepared it; new ones have not.
            engine.dispose()
        if _is_transient(error):
            raise TransientError(type(error).__name__) from error
        raise


def _is_transient(error: sa.exc.DBAPIError) -> bool:
    cause = error.orig
    if cause is None:
        return False
    if isinstance(cause, sqlite3.Error):
        return engine_sqlite.is_transient(cause)
    from yibao_common.db import engine_postgres

    return engine_postgres.is_transient(cause)


def _is_old_plan(error: sa.exc.DBAPIError) -> bool:
    if error.orig is None or isinstance(error.orig, sqlite3.Error):
        return False
    from yibao_common.db import engine_postgres

    return engine_postgres.is_old_plan(error.orig)
