"""How `application` gets its unit of work: one transaction, in one region.

A unit of work finds, locks and writes rows and decides nothing. What it is made of is the
service's own: a frozen value of rooms of rows, such as `Work(persons, cards, audit)`.
`db.transactions` begins them on a database; tests keep rows in memory.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from yibao_common.commands.request import Outcome, Request
from yibao_common.values.errors import RuleError

WorkT = TypeVar("WorkT")
WorkT_co = TypeVar("WorkT_co", covariant=True)
ResultT = TypeVar("ResultT")


class Transactions(Protocol[WorkT_co]):
    """Begins units of work. Blocks."""

    def once(self, request: Request, decide: Callable[[WorkT_co], bytes]) -> bytes:
        """Carries out a request once by its id and returns the answer's bytes.

        Everything that `decide` writes is durable with the answer, or nothing is.

        Raises:
            RuleError: REQUEST_ID_REUSED where the contents differ, or what `decide` raises.
        """
        ...

    def once_counted(
        self, request: Request, decide: Callable[[WorkT_co], bytes | RuleError]
    ) -> bytes:
        """Does what `once` does where a refusal leaves a trace: a counted try, an alarm.

        A refusal that `decide` raises stores nothing, as everywhere. One that it returns is
        an answer: it is stored with what was written, and raised after the commit. So a
        wrong try is durable before it is told, and the same request sent again is told the
        same and counts nothing.
        """
        ...

    def once_each(
        self,
        region: str,
        requests: Sequence[Request],
        decide: Callable[[WorkT_co, Sequence[int]], Sequence[Outcome[bytes]]],
    ) -> list[Outcome[bytes]]:
        """Carries out requests of a region in one transaction, each once by its id.

        `decide` takes the places of those that nobody answered yet, and returns the answer of each
        or why it is refused, having written nothing of what it refuses. Everything else is durable
        with all answers, or nothing is. The transaction is not begun again, so somebody else has
        to try again, as a batcher does.
        """
        ...

    def change(self, region: str, work: Callable[[WorkT_co], ResultT]) -> ResultT:
        """Carries out `work` in a transaction that answers no request, and returns its result.

        For jobs, and for what is put on record before a refusal is told.
        """
        ...

    def change_untried(self, region: str, work: Callable[[WorkT_co], ResultT]) -> ResultT:
        """Does what `change` does in one transaction that is not begun again.

        For whom somebody else tries again, as a batcher does.
        """
        ...

    def read(self, region: str) -> AbstractContextManager[WorkT_co]:
        """Gives a unit of work over one snapshot, for reading alone."""
        ...

    def look(self, region: str, ask: Callable[[WorkT_co], ResultT]) -> ResultT:
        """Returns what `ask` finds by one statement; for what is asked many times a second."""
        ...
