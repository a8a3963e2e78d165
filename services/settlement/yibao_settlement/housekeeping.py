"""What the settlement service does in the background beside its calls."""

import asyncio

from yibao_common.commands.blocking import Blocking
from yibao_common.db.database import Database
from yibao_common.process.logs import Log, kinds
from yibao_common.values.clock import Clock
from yibao_settlement.storage.checkpoints import fold_fund_accounts

_FOLD_SECONDS = 600.0


class Housekeeping:
    """Folds old ledger entries into checkpoints, every ten minutes."""

    def __init__(
        self,
        database: Database,
        blocking: Blocking,
        *,
        regions: tuple[str, ...],
        clock: Clock,
        log: Log,
    ) -> None:
        """Takes the regions whose books this process keeps tidy."""
        self._database = database
        self._blocking = blocking
        self._regions = regions
        self._clock = clock
        self._log = log
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts; call it inside the event loop."""
        self._task = asyncio.create_task(self._run(), name="housekeeping")

    async def close(self) -> None:
        """Stops before the next round."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            for region in self._regions:
                try:
                    folded = await self._blocking.run(
                        fold_fund_accounts, self._database, region, now=self._clock()
                    )
                except Exception as error:
                    # Whatever it was, the next round tries again.
                    self._log.error("folding failed", region=region, error=kinds(error))
                else:
                    self._log.debug("folded", region=region, accounts=folded)
            await asyncio.sleep(_FOLD_SECONDS)
