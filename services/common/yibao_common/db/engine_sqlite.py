"""Connections to SQLite: one that writes, several that read."""

import sqlite3
import time
import weakref
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

# What the log may go on holding on the disk. While somebody reads one snapshot for long, as a
# backup does, it grows; after that the next writes cut it back to this.
WAL_BYTES = 16_000_000
_BUSY_SECONDS = 10
_BUSY_POLL_SECONDS = 0.01
_POOL_SECONDS = 10
# The last one is what it says where the process may open no more files.
_TRANSIENT = ("locked", "busy", "full", "I/O", "unable to open database file")


class _Connection(sqlite3.Connection):
    """A connection whose transactions end with all that was read in them.

    A statement that was not read to its end goes on over its snapshot when its transaction is
    rolled back, and so does whatever the connection is asked next. It is such a one where the
    reading of a row failed, for as long as anything holds the error.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._cursors: weakref.WeakSet[sqlite3.Cursor] = weakref.WeakSet()

    def cursor(self, *args: Any, **options: Any) -> Any:
        """Returns a new cursor, which the end of the transaction closes."""
        cursor = super().cursor(*args, **options)
        self._cursors.add(cursor)
        return cursor

    def rollback(self) -> None:
        """Ends the transaction, and every statement that is still being read."""
        for cursor in tuple(self._cursors):
            cursor.close()
        super().rollback()


def open_engine(url: sa.URL, *, begin: str, size: int, read_only: bool = False) -> sa.Engine:
    """Opens a pool whose transactions begin with `begin`."""
    engine = sa.create_engine(
        url,
        poolclass=sa.pool.QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        connect_args={
            "timeout": _BUSY_SECONDS,
            "check_same_thread": False,
            "factory": _Connection,
        },
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction control would begin too late and commit too soon.
        connection.isolation_level = None
        _write_ahead(connection)
        for pragma in (
            f"journal_size_limit={WAL_BYTES}",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Has the database keep a log; of several that open a new one at once, each waits.

    SQLite itself does not wait there: two that both read the file already would do so for ever.
    """
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= end:
                raise
            time.sleep(_BUSY_POLL_SECONDS)
        else:
            return


def is_busy(error: BaseException | None) -> bool:
    """Tells whether somebody else was writing for all the time that was waited."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY


def is_transient(error: sqlite3.Error) -> bool:
    """Tells whether a transaction may be run again, unlike a faulty one."""
    return isinstance(error, sqlite3.OperationalError) and any(
        word in str(error) for word in _TRANSIENT
    )
