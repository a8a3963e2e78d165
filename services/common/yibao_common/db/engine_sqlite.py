"""Connections to SQLite: one that writes, several that read."""

import sqlite3

import sqlalchemy as sa
from sqlalchemy import event

# What the log may go on holding on the disk. While somebody reads one snapshot for long, as a
# backup does, it grows; after that the next writes cut it back to this.
WAL_BYTES = 16_000_000
_BUSY_SECONDS = 10
_POOL_SECONDS = 10
# The last one is what it says where the process may open no more files.
_TRANSIENT = ("locked", "busy", "full", "I/O", "unable to open database file")


def open_engine(url: sa.URL, *, begin: str, size: int, read_only: bool = False) -> sa.Engine:
    """Opens a pool whose transactions begin with `begin`."""
    engine = sa.create_engine(
        url,
        poolclass=sa.pool.QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction control would begin too late and commit too soon.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
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


def is_transient(error: sqlite3.Error) -> bool:
    """Tells whether a transaction may be run again, unlike a faulty one."""
    return isinstance(error, sqlite3.OperationalError) and any(
        word in str(error) for word in _TRANSIENT
    )
