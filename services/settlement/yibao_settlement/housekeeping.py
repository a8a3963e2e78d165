"""What the settlement service does in the background beside its calls."""

import functools
from collections.abc import Callable

from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import Clock
from yibao_settlement.application.checkpoint import Checkpoints
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.review import Review

_FOLD_SECONDS = 600.0
_COUNT_SECONDS = 60.0


def review_telling(metrics: Metrics, *, log: Log) -> Callable[[Review], None]:
    """Returns what counts and logs a case once it is stored, from whichever thread."""

    def tell(review: Review) -> None:
        kinds = [kind.name for kind in review.note.kinds]
        for kind in kinds:
            metrics.reviews_opened.labels(review.region, kind).inc()
        log.info(
            "review opened", region=review.region, review_id=review.review_id, kinds=",".join(kinds)
        )

    return tell


def review_watch(
    reads: Reads,
    blocking: Blocking,
    *,
    regions: tuple[str, ...],
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that counts the cases that wait, a region once a minute."""

    async def count(region: str) -> None:
        waiting = await blocking.run(reads.waiting_reviews, region)
        metrics.reviews_waiting.labels(region).set(waiting)

    duties = [
        Duty(run=functools.partial(count, region), failure="reviews not counted", region=region)
        for region in regions
    ]
    return BackgroundTask(
        "review_watch", duties, seconds=_COUNT_SECONDS, metrics=metrics, clock=clock, log=log
    )


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
