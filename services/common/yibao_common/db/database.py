"""Databases: the same code on SQLite (embedded) and PostgreSQL.

Commits are durable before they return: SQLite in WAL mode with synchronous=FULL,
PostgreSQL with synchronous_commit=on. Writing transactions take the write lock at
their beginning on SQLite; on PostgreSQL they run READ COMMITTED and lock rows.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import psycopg.errors
import psycopg.types.string
import sqlalchemy as sa
from sqlalchemy import event

from yibao_common.db.rows_postgres import teach_arrays
from yibao_common.values.errors import TransientError

_SQLITE_BUSY_SECONDS = 10
_POOL_SECONDS = 10
# A server that vanished without a word is given up within seconds, not hours.
_POSTGRES_CONNECT = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_POSTGRES_SETTINGS = (
    "SET synchronous_commit = on",
    "SET lock_timeout = '5s'",
    "SET statement_timeout = '30s'",
    "SET idle_in_transaction_session_timeout = '60s'",
    "SET TIME ZONE 'UTC'",
)


class Database:
    """One database with a writing connection pool and a reading one."""

    def __init__(self, url: str, *, readers: int = 4, writers: int = 6) -> None:
        """Opens `url`: `sqlite:///file` or `postgresql+psycopg://…`."""
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            self._writer = _sqlite_engine(parsed, begin="BEGIN IMMEDIATE", size=1)
            self._reader = _sqlite_engine(parsed, begin="BEGIN", size=readers, read_only=True)
        else:
            self._writer = _postgres_engine(parsed, size=writers)
            self._reader = _postgres_engine(parsed, size=readers, read_only=True)

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
        with _transient_told(), self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Gives a connection in a read-only transaction over one snapshot.

        Raises TransientError where the database was unreachable.
        """
        with _transient_told(), self._reader.begin() as connection:
            yield connection

    def close(self) -> None:
        """Closes every connection."""
        self._writer.dispose()
        self._reader.dispose()


@contextlib.contextmanager
def _transient_told() -> Iterator[None]:
    try:
        yield
    except sa.exc.TimeoutError as error:  # every connection of the pool is taken
        raise TransientError("no connection is free") from error
    except sa.exc.DBAPIError as error:
        if _is_transient(error):
            raise TransientError(type(error).__name__) from error
        raise


def failure_text(error: Exception) -> str:
    """Returns what became of a database, for those who operate it.

    What it said of a statement is told. Of a connection that failed only the kind is: the
    driver's text may hold the password.
    """
    cause = error.__cause__ if isinstance(error, TransientError) else error
    said = cause.orig if isinstance(cause, sa.exc.DBAPIError) else None
    if isinstance(said, psycopg.Error) and said.sqlstate is not None:
        return f"the database says: {said.diag.message_primary}"
    if isinstance(said, sqlite3.Error):
        return f"the database says: {said}"
    return f"cannot be reached: {type(said or cause or error).__name__}"


# What is no fault of any statement: the server stands by, or ended an idle transaction.
_POSTGRES_TRANSIENT = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
_SQLITE_TRANSIENT = ("locked", "busy", "full", "I/O")


def _is_transient(error: sa.exc.DBAPIError) -> bool:
    cause = error.orig
    if isinstance(cause, sqlite3.OperationalError):
        return any(word in str(cause) for word in _SQLITE_TRANSIENT)
    # Serialization failures, deadlocks, lock time-outs, lost connections, restarts.
    return isinstance(cause, _POSTGRES_TRANSIENT)


def _sqlite_engine(url: sa.URL, *, begin: str, size: int, read_only: bool = False) -> sa.Engine:
    engine = sa.create_engine(
        url,
        poolclass=sa.pool.QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        connect_args={"timeout": _SQLITE_BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction control would begin too late and commit too soon.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgres_engine(url: sa.URL, *, size: int, read_only: bool = False) -> sa.Engine:
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        connect_args=_POSTGRES_CONNECT,
        # A lost writing connection shows at its first statement, and the batch runs again;
        # asking first would cost every batch a round trip.
        pool_pre_ping=read_only,
        isolation_level="REPEATABLE READ" if read_only else "READ COMMITTED",
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: "psycopg.Connection[Any]", _record: object) -> None:
        # Identifiers are strings everywhere else; parsing them into UUID objects and
        # back costs more than the query.
        connection.adapters.register_loader("uuid", psycopg.types.string.TextLoader)
        teach_arrays(connection)
        connection.prepare_threshold = 1
        with connection.cursor() as cursor:
            for statement in _POSTGRES_SETTINGS:
                cursor.execute(statement)
            # A plan kept from when a table was still empty would go on reading it whole.
            # Planning anew costs a batch less than a millisecond.
            cursor.execute(
                "SET default_transaction_read_only = on"
                if read_only
                else "SET plan_cache_mode = force_custom_plan"
            )
        connection.commit()

    return engine
