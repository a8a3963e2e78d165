"""What the settlement service does in the background beside its calls."""

import datetime as dt
import functools
from collections.abc import Callable

from yibao_common.commands.background import BackgroundTask, Duty, ToldError
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import Clock
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.checkpoint import Checkpoints
from yibao_settlement.application.hold.expire import ExpireHolds
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.review import Review

_FOLD_SECONDS = 600.0
_COUNT_SECONDS = 60.0
_SWEEP_SECONDS = 10.0
_SWEEP = dt.timedelta(seconds=_SWEEP_SECONDS)
_SWEPT = 500


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


def hold_sweep(
    reads: Reads,
    batcher: Batcher[Command, bytes],
    blocking: Blocking,
    *,
    regions: tuple[str, ...],
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that ends holds which ran out, sooner than the next bill of their persons.

    One that cannot leave stands, and is told of as a failure of its duty.
    """

    async def sweep(region: str) -> None:
        now = await blocking.run(reads.now)
        for person_id in await blocking.run(reads.run_out, region, now, limit=_SWEPT):
            await batcher.submit(region, ExpireHolds.of(region, person_id))
        # The time of before: what ran out meanwhile is of the next round.
        stuck = await blocking.run(reads.run_out, region, now - _SWEEP, limit=_SWEPT)
        metrics.holds_stuck.labels(region).set(len(stuck))
        if stuck:
            raise ToldError("a later bill cannot be decided without a hold that ran out")

    duties = [
        Duty(run=functools.partial(sweep, region), failure="holds not swept", region=region)
        for region in regions
    ]
    return BackgroundTask(
        "hold_sweep", duties, seconds=_SWEEP_SECONDS, metrics=metrics, clock=clock, log=log
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
