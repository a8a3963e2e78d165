"""Units of work on a database, each with the answer of its request in one transaction."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic

import sqlalchemy as sa

from yibao_common.commands.counted import answered, encode_outcome
from yibao_common.commands.request import Outcome, Request
from yibao_common.commands.transactions import ResultT, WorkT
from yibao_common.db.answers import Asked, answer_each, answer_once
from yibao_common.db.database import Database
from yibao_common.db.rows import Statement, execute
from yibao_common.keys.vault import Vault
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError, TransientError

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class UnitOfWork(Generic[WorkT]):
    """How a service's unit of work begins and ends.

    `close` locks what is always written last, the feed and then the audit, and returns what
    writes it: one trip with the answer. It is not called for reading, nor after a refusal.
    """

    open: Callable[[sa.Connection, str], WorkT]
    close: Callable[[sa.Connection, WorkT], Sequence[Statement]]


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
        sealed = answer_once(
            self._database,
            self._answers,
            asked=self._asked(request),
            clock=self._clock,
            work=lambda connection: self._carry_out(
                connection, request.region, lambda work: self._sealed(request, decide(work))
            ),
        )
        return self._opened(request, sealed)

    def once_counted(self, request: Request, decide: Callable[[WorkT], bytes | RuleError]) -> bytes:
        """See `Transactions`."""
        return answered(self.once(request, lambda work: encode_outcome(decide(work))))

    def once_each(
        self,
        region: str,
        requests: Sequence[Request],
        decide: Callable[[WorkT, Sequence[int]], Sequence[Outcome[bytes]]],
    ) -> list[Outcome[bytes]]:
        """See `Transactions`."""

        def sealed(work: WorkT, places: Sequence[int]) -> list[Outcome[bytes]]:
            chosen = [requests[place] for place in places]
            return _each_answer(self._sealed, chosen, decide(work, places))

        with self._database.write() as connection:
            work = self._unit.open(connection, region)
            answered = answer_each(
                connection,
                self._answers,
                region=region,
                asked=[self._asked(request) for request in requests],
                decide=lambda places: sealed(work, places),
                close=lambda: self._unit.close(connection, work),
                clock=self._clock,
            )
        return _each_answer(self._opened, requests, answered)

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
            result, last = self._carry_out(connection, region, work)
            execute(connection, last)
            return result

    @contextlib.contextmanager
    def read(self, region: str) -> Iterator[WorkT]:
        """See `Transactions`."""
        with self._database.read() as connection:
            yield self._unit.open(connection, region)

    def look(self, region: str, ask: Callable[[WorkT], ResultT]) -> ResultT:
        """See `Transactions`."""
        return self._database.look(lambda connection: ask(self._unit.open(connection, region)))

    def _asked(self, request: Request) -> Asked:
        if self._vault is None:
            return Asked(request, request.digest, request.former_digest)
        # The request may hold a citizen number, so its plain digest must not be stored.
        keyed, former = self._vault.keyed_digest, request.former_digest
        return Asked(request, keyed(request.digest), keyed(former) if former else b"")

    def _sealed(self, request: Request, response: bytes) -> bytes:
        if self._vault is None:
            return response
        return self._vault.seal(response, place=_place(request))

    def _opened(self, request: Request, response: bytes) -> bytes:
        if self._vault is None:
            return response
        return self._vault.open(response, place=_place(request))

    def _carry_out(
        self, connection: sa.Connection, region: str, decide: Callable[[WorkT], ResultT]
    ) -> tuple[ResultT, Sequence[Statement]]:
        work = self._unit.open(connection, region)
        result = decide(work)
        return result, self._unit.close(connection, work)


def _place(request: Request) -> str:
    """Returns where an answer is kept, to which it is sealed."""
    return f"{request.region}/answer/{request.request_id}"


def _each_answer(
    make: Callable[[Request, bytes], bytes],
    requests: Sequence[Request],
    outcomes: Sequence[Outcome[bytes]],
) -> list[Outcome[bytes]]:
    """Makes something of the answers among what requests came to; refusals stay."""
    return [
        outcome if isinstance(outcome, RuleError) else make(request, outcome)
        for request, outcome in zip(requests, outcomes, strict=True)
    ]
