"""Long work on the event loop that lets other calls have their turn."""

import asyncio
from time import perf_counter

# Some calls need ten turns: with several at long work each of these still ends soon.
_TURN_SECONDS = 0.002


class _Line:
    """Where those at long work wait for each other, in the order in which they came."""

    def __init__(self) -> None:
        self._lock: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    def lock(self) -> asyncio.Lock:
        """Returns that of the running event loop."""
        loop = asyncio.get_running_loop()
        if self._lock is None or self._lock[0] is not loop:
            self._lock = (loop, asyncio.Lock())
        return self._lock[1]


_LINE = _Line()


class Turns:
    """Watches how long one call has kept the event loop."""

    def __init__(self) -> None:
        """Begins a turn."""
        self._began = perf_counter()

    async def pass_on(self) -> None:
        """Lets other calls go first where the turn has lasted long enough.

        Of those at long work one has a turn while all others have theirs: many of them hold
        nobody up longer than one.
        """
        if perf_counter() - self._began > _TURN_SECONDS:
            async with _LINE.lock():
                await asyncio.sleep(0)
            self._began = perf_counter()
