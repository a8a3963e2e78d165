"""Connections to PostgreSQL. Only imported where one is opened."""

from typing import Any

import psycopg
import psycopg.errors
import psycopg.types.string
import sqlalchemy as sa
from sqlalchemy import event

from yibao_common.db.rows_postgres import teach_arrays

_POOL_SECONDS = 10
# A server that vanished without a word is given up within seconds, not hours.
_CONNECT = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_SETTINGS = (
    "SET synchronous_commit = on",
    "SET lock_timeout = '5s'",
    "SET statement_timeout = '30s'",
    "SET idle_in_transaction_session_timeout = '60s'",
    "SET TIME ZONE 'UTC'",
)
# What is kept of plans is for keys that are indexed: see `rows_postgres`. One that was made
# while a table was small may not read it whole.
_KEEP_PLANS_BY_KEY = "SET enable_seqscan = off"
# What is no fault of any statement: the server stands by, or ended an idle transaction.
_TRANSIENT = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
)


def open_engine(url: sa.URL, *, size: int, read_only: bool = False) -> sa.Engine:
    """Opens a pool of durable connections."""
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        connect_args=_CONNECT,
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
            for statement in _SETTINGS:
                cursor.execute(statement)
            cursor.execute(
                "SET default_transaction_read_only = on" if read_only else _KEEP_PLANS_BY_KEY
            )
        connection.commit()

    return engine


def is_transient(error: BaseException) -> bool:
    """Tells whether a transaction may be run again, unlike a faulty one.

    Serialization failures, deadlocks, lock time-outs, lost connections and restarts, and
    plans that the schema has left behind.
    """
    return isinstance(error, _TRANSIENT) or is_old_plan(error)


def is_old_plan(error: BaseException | None) -> bool:
    """Tells whether the schema changed under a statement that a connection had prepared.

    It would be refused on that connection again.
    """
    # Its text is in the server's language, and its code is shared with much else.
    return (
        isinstance(error, psycopg.errors.FeatureNotSupported)
        and error.diag.source_function == "RevalidateCachedQuery"
    )
