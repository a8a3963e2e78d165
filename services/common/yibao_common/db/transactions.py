"""Units of work on a database, each with the answer of its request in one transaction."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic

import sqlalchemy as sa

from yibao_common.commands.counted import answered, encode_outcome
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import ResultT, WorkT
from yibao_common.db.answers import answer_once
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError, TransientError

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class UnitOfWork(Generic[WorkT]):
    """How a service's unit of work begins and ends.

    `close` writes what is always written last, in the order in which it is locked: the
    feed, then the audit. It is not called for reading, nor after a refusal.
    """

    open: Callable[[sa.Connection, str], WorkT]
    close: Callable[[sa.Connection, WorkT], None]


class StoredTransactions(Generic[WorkT]):
    """Begins units of work of one database; see `commands.transactions.Transactions`."""

    def __init__(
        self,
        database: Database,
        *,
        answers: sa.Table,
        unit: UnitOfWork[WorkT],
        clock: Clock,
        vault: Vault | None = None,
    ) -> None:
        """Takes the table of answers; with a vault, answers are sealed and digests keyed."""
        self._database = database
        self._answers = answers
        self._unit = unit
        self._clock = clock
        self._vault = vault

    def once(self, request: Request, decide: Callable[[WorkT], bytes]) -> bytes:
        """See `Transactions`."""
        vault, place = self._vault, f"{request.region}/answer/{request.request_id}"
        if vault is None:
            return self._once(request, request.digest, request.former_digest, decide)
        # The request may hold a citizen number, so its plain digest must not be stored.
        sealed = self._once(
            request,
            vault.keyed_digest(request.digest),
            vault.keyed_digest(request.former_digest) if request.former_digest else b"",
            lambda work: vault.seal(decide(work), place=place),
        )
        return vault.open(sealed, place=place)

    def once_counted(self, request: Request, decide: Callable[[WorkT], bytes | RuleError]) -> bytes:
        """See `Transactions`."""
        return answered(self.once(request, lambda work: encode_outcome(decide(work))))

    def change(self, region: str, work: Callable[[WorkT], ResultT]) -> ResultT:
        """See `Transactions`."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self.change_untried(region, work)
            except TransientError:
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def change_untried(self, region: str, work: Callable[[WorkT], ResultT]) -> ResultT:
        """See `Transactions`."""
        with self._database.write() as connection:
            return self._carry_out(connection, region, work)

    @contextlib.contextmanager
    def read(self, region: str) -> Iterator[WorkT]:
        """See `Transactions`."""
        with self._database.read() as connection:
            yield self._unit.open(connection, region)

    def look(self, region: str, ask: Callable[[WorkT], ResultT]) -> ResultT:
        """See `Transactions`."""
        return self._database.look(lambda connection: ask(self._unit.open(connection, region)))

    def _once(
        self,
        request: Request,
        digest: bytes,
        former_digest: bytes,
        decide: Callable[[WorkT], bytes],
    ) -> bytes:
        return answer_once(
            self._database,
            self._answers,
            request=request,
            digest=digest,
            former_digest=former_digest,
            clock=self._clock,
            work=lambda connection: self._carry_out(connection, request.region, decide),
        )

    def _carry_out(
        self, connection: sa.Connection, region: str, decide: Callable[[WorkT], ResultT]
    ) -> ResultT:
        work = self._unit.open(connection, region)
        result = decide(work)
        self._unit.close(connection, work)
        return result
