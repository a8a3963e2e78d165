"""How many streams a party has open at a time: whoever opens more is told when to come again."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from yibao_common.rpc.admission import RateLimitedError

_WAIT_SECONDS = 10.0


class PartyStreams:
    """Counts open streams of a kind by party, in one process. For one event loop."""

    def __init__(self, most: int, *, kind: str) -> None:
        """Takes how many a party may have; `kind` names them, such as `streams of changes`."""
        self._most = most
        self._kind = kind
        self._open: Counter[str] = Counter()

    @contextlib.contextmanager
    def one_of(self, party: str) -> Iterator[None]:
        """Counts one for as long as the block lasts.

        Raises:
            RateLimitedError: the party has as many as it may.
        """
        if self._open[party] >= self._most:
            raise RateLimitedError(_WAIT_SECONDS, f"{self._open[party]} {self._kind} are open")
        self._open[party] += 1
        try:
            yield
        finally:
            self._open[party] -= 1
            if not self._open[party]:
                del self._open[party]
