"""Transactions over rows in memory: what is refused leaves them as they were."""

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Generic

from yibao_common.commands.counted import answered, encode_outcome
from yibao_common.commands.request import Answer, Outcome, Request
from yibao_common.commands.transactions import ResultT, Transactions, WorkT
from yibao_common.values.errors import RuleError


class MemoryTransactions(Transactions[WorkT], Generic[WorkT]):
    """Transactions of one region over `work`, whose rooms keep their rows themselves."""

    def __init__(self, work: WorkT) -> None:
        """Takes the unit of work, which serves every transaction."""
        self.work = work
        self.answers: dict[str, Answer] = {}

    def once(self, request: Request, decide: Callable[[WorkT], bytes]) -> bytes:
        """See `Transactions`."""
        known = self.answers.get(request.request_id)
        if known is not None:
            return known.replay(request.caller, request.digest)
        response = self.change(request.region, decide)
        answer = Answer(request.request_id, request.digest, response, request.method)
        self.answers[request.request_id] = answer
        return response

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

        def once(place: int) -> Outcome[bytes]:
            def decided(work: WorkT) -> bytes:
                (outcome,) = decide(work, [place])
                if isinstance(outcome, RuleError):
                    raise outcome
                return outcome

            try:
                return self.once(requests[place], decided)
            except RuleError as refusal:
                return refusal

        return [once(place) for place in range(len(requests))]

    def change(self, region: str, work: Callable[[WorkT], ResultT]) -> ResultT:
        """See `Transactions`."""
        before = copy.deepcopy(self.work)
        try:
            return work(self.work)
        except BaseException:
            self.work = before
            raise

    def change_untried(self, region: str, work: Callable[[WorkT], ResultT]) -> ResultT:
        """See `Transactions`."""
        return self.change(region, work)

    @contextlib.contextmanager
    def read(self, region: str) -> Iterator[WorkT]:
        """See `Transactions`."""
        yield self.work

    def look(self, region: str, ask: Callable[[WorkT], ResultT]) -> ResultT:
        """See `Transactions`."""
        return ask(self.work)
