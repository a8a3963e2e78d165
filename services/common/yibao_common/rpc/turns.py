"""Long work on the event loop that lets other calls have their turn."""

import asyncio
from time import perf_counter

# Some calls need ten turns: with several at long work each of these still ends soon.
_TURN_SECONDS = 0.002


class Turns:
    """Watches how long one call has kept the event loop."""

    def __init__(self) -> None:
        """Begins a turn."""
        self._began = perf_counter()

    async def pass_on(self) -> None:
        """Lets other calls go first where the turn has lasted long enough."""
        if perf_counter() - self._began > _TURN_SECONDS:
            await asyncio.sleep(0)
            self._began = perf_counter()
