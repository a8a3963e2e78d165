"""Connections to PostgreSQL. Only imported where one is opened."""

from typing import Any

import psycopg
import psycopg.errors
import psycopg.types.string
import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from sqlalchemy import event
from sqlalchemy.engine.interfaces import IsolationLevel

from yibao_common.db.connection_postgres import STATEMENT_SECONDS, PostgresConnection
from yibao_common.db.rows_postgres import forget_prepared

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
    f"SET statement_timeout = '{STATEMENT_SECONDS}s'",
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
    # What was prepared went: it is prepared anew.
    psycopg.errors.InvalidSqlStatementName,
)


def open_engine(url: sa.URL, *, size: int, read_only: bool = False) -> sa.Engine:
    """Opens a pool of durable connections."""
    return _open(
        url,
        size=size,
        read_only=read_only,
        # A lost writing connection shows at its first statement, and the batch runs again;
        # asking first would cost every batch a round trip.
        asks_first=read_only,
        isolation="REPEATABLE READ" if read_only else "READ COMMITTED",
    )


def open_looking_engine(url: sa.URL) -> sa.Engine:
    """Opens one connection, for reading, each of whose statements is a transaction."""
    return _open(url, size=1, read_only=True, asks_first=False, isolation="AUTOCOMMIT")


def _open(
    url: sa.URL, *, size: int, read_only: bool, asks_first: bool, isolation: IsolationLevel
) -> sa.Engine:
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        connect_args=_CONNECT,
        pool_pre_ping=asks_first,
        isolation_level=isolation,
    )

    @event.listens_for(engine, "do_connect")
    def _do_connect(
        _dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]
    ) -> PostgresConnection:
        return PostgresConnection.connect(*arguments, **options)

    @event.listens_for(engine, "connect")
    def _connect(connection: "psycopg.Connection[Any]", _record: object) -> None:
        # Identifiers are strings everywhere else; parsing them into UUID objects and
        # back costs more than the query.
        connection.adapters.register_loader("uuid", psycopg.types.string.TextLoader)
        connection.prepare_threshold = 1
        with connection.cursor() as cursor:
            for statement in _SETTINGS:
                cursor.execute(statement)
            cursor.execute(
                "SET default_transaction_read_only = on" if read_only else _KEEP_PLANS_BY_KEY
            )
        if not connection.autocommit:
            connection.commit()

    @event.listens_for(engine, "rollback")
    def _rolled_back(connection: sa.Connection) -> None:
        # One that was lost has nothing to be asked for, and nothing is kept of it.
        if not connection.invalidated:
            forget_prepared(connection.info)

    @event.listens_for(engine, "reset")
    def _reset(
        connection: "psycopg.Connection[Any]",
        record: sa.pool.ConnectionPoolEntry,
        _state: sa.pool.PoolResetState,
    ) -> None:
        # Where a transaction is still open, it is rolled back now.
        if connection.info.transaction_status is not TransactionStatus.IDLE:
            forget_prepared(record.info)

    return engine


def wait_as_long_as_it_takes(connection: sa.Connection) -> None:
    """Lets statements take their time until the transaction ends, and the server be silent.

    What fits a call is too short for what changes tables that a province has filled. The
    connection is not used for anything else.
    """
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {limit} = 0")
    driver = connection.connection.driver_connection
    assert isinstance(driver, PostgresConnection)
    driver.silence_seconds = None


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
