"""What the settlement service does in the background beside its calls."""

import functools

from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import Clock
from yibao_settlement.application.checkpoint import Checkpoints

_FOLD_SECONDS = 600.0


def housekeeping(
    checkpoints: Checkpoints,
    blocking: Blocking,
    *,
    regions: tuple[str, ...],
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that folds entries of the ledger into checkpoints.

    It does so every ten minutes, for each region whose books this process keeps tidy.
    """

    async def fold(region: str) -> None:
        accounts = await blocking.run(checkpoints.fold, region)
        log.debug("folded", region=region, accounts=accounts)

    duties = [
        Duty(run=functools.partial(fold, region), failure="folding failed", region=region)
        for region in regions
    ]
    return BackgroundTask(
        "housekeeping", duties, seconds=_FOLD_SECONDS, metrics=metrics, clock=clock, log=log
    )
