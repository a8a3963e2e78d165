"""Restricts overdue cards in the background, in every region that is served here."""

import asyncio
from collections.abc import Callable, Sequence

from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log, kinds


class CardSweeper:
    """Runs a sweep of each region every `seconds`, the first one at once."""

    def __init__(
        self,
        sweep: Callable[[str], int],
        blocking: Blocking,
        *,
        regions: Sequence[str],
        seconds: float,
        log: Log,
    ) -> None:
        """Takes what sweeps a region and returns how many cards it restricted."""
        self._sweep = sweep
        self._blocking = blocking
        self._regions = tuple(regions)
        self._seconds = seconds
        self._log = log
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts; call it inside the event loop."""
        self._task = asyncio.create_task(self._run(), name="card-sweeper")

    async def close(self) -> None:
        """Stops before the next region; what a region has begun ends in its thread."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            for region in self._regions:
                await self._sweep_one(region)
            await asyncio.sleep(self._seconds)

    async def _sweep_one(self, region: str) -> None:
        """Sweeps a region; what fails is logged and tried again in the next round."""
        try:
            restricted = await self._blocking.run(self._sweep, region)
        except Exception as error:
            self._log.error("cards were not swept", region=region, error=kinds(error))
            return
        if restricted:
            self._log.info("cards restricted", region=region, cards=restricted)
