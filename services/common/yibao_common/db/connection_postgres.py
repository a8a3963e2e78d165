"""A connection to PostgreSQL that is given up where the server falls silent.

A pooler or a server that hangs goes on acknowledging what arrives, so that no keepalive of the
network finds it. But it answers a statement within the time that statements may take, if only to
refuse it, and those of a batch, whose answers may come together, are far from that: a longer
silence is no answer on its way.
"""

from typing import Any, TypeVar

import psycopg
from psycopg import abc
from psycopg.pq import TransactionStatus

STATEMENT_SECONDS = 30
SILENCE_SECONDS = STATEMENT_SECONDS + 15.0

_T = TypeVar("_T")


class PostgresConnection(psycopg.Connection[Any]):
    """Raises OperationalError, and is closed, where the server says nothing for too long."""

    silence_seconds: float | None = SILENCE_SECONDS
    """For how long it may say nothing; None where statements take what they need."""

    def wait(self, gen: abc.PQGen[_T], interval: float = 0.1, timeout: float | None = None) -> _T:
        """Waits as any connection does for what the server says, for no longer than is allowed."""
        try:
            return super().wait(gen, interval, self.silence_seconds if timeout is None else timeout)
        except psycopg.OperationalError:
            # What the server refuses ends the statement; this one goes on without us.
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise
