"""What the settlement service does in the background beside its calls."""

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable

from yibao.trust_store import TrustStore
from yibao_common.commands.background import BackgroundTask, Duty, ToldError, duties_of
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.db.batcher import Batcher
from yibao_common.db.database import Database
from yibao_common.db.pruning import answer_pruning
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.rpc.refusals import Refusals
from yibao_common.values.clock import Clock
from yibao_common.values.ids import new_id
from yibao_settlement.account_closing import account_closing
from yibao_settlement.allocating import account_tasks
from yibao_settlement.application.account_close.run import AccountClosing
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.checkpoint import Checkpoints
from yibao_settlement.application.hold.expire import ExpireHolds
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.report.find import Reports
from yibao_settlement.application.report.rows import RefusalKey
from yibao_settlement.application.repricing.steps import steps_of
from yibao_settlement.application.work import Work
from yibao_settlement.application.year.take import YearTaking
from yibao_settlement.config import SettlementConfig
from yibao_settlement.files.account_close import read_rules
from yibao_settlement.rules.repricing import Repricing
from yibao_settlement.rules.review import Review
from yibao_settlement.servicer.trust.regions import region_watch
from yibao_settlement.storage import tables
from yibao_settlement.storage.token.pruning import prune_tokens

_FOLD_SECONDS = 600.0
_TOKENS_TOLD = dt.timedelta(hours=1)
_COUNT_SECONDS = 60.0
_SWEEP_SECONDS = 10.0
_REFUSALS_SECONDS = 10.0
_SWEEP = dt.timedelta(seconds=_SWEEP_SECONDS)
_SWEPT = 500
_STEP_SECONDS = 2.0
# Persons a round and region: they come in batches with what callers ask.
_STEPS = 50
# Closing statements a call, and how long a round takes some of a year: bills settle between the
# transactions, and who ends the service waits for one call alone.
_STATEMENTS = 500
_TAKING_SECONDS = 20.0


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

    duties = duties_of(regions, count, failure="reviews not counted")
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

    One that cannot leave stands and is told of as a failure of its duty; a person whose step fails
    holds up no other one.
    """

    async def sweep(region: str) -> None:
        now = await blocking.run(reads.now)
        persons = await blocking.run(reads.run_out, region, now, limit=_SWEPT)
        ended = [batcher.submit(region, ExpireHolds.of(region, each)) for each in persons]
        results = await asyncio.gather(*ended, return_exceptions=True)
        failed = [type(each).__name__ for each in results if isinstance(each, Exception)]
        # The time of before: what ran out meanwhile is of the next round.
        stuck = await blocking.run(reads.run_out, region, now - _SWEEP, limit=_SWEPT)
        metrics.holds_stuck.labels(region).set(len(stuck))
        if failed:
            kinds = ", ".join(sorted(set(failed)))
            raise ToldError(
                f"holds of {len(failed)} persons that ran out could not be ended: {kinds}"
            )
        if stuck:
            raise ToldError("a later bill cannot be decided without a hold that ran out")

    duties = duties_of(regions, sweep, failure="holds not swept")
    return BackgroundTask(
        "hold_sweep", duties, seconds=_SWEEP_SECONDS, metrics=metrics, clock=clock, log=log
    )


def repricing_steps(
    reads: Reads,
    batcher: Batcher[Command, bytes],
    blocking: Blocking,
    *,
    regions: tuple[str, ...],
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that takes repricings on: each is simulated and, once confirmed, booked.

    A round takes some persons of a region, and the next one begins with the repricings that had
    no turn: however many are open, a round ends. A person whose step fails holds up no other one.
    """
    reached: dict[str, str | None] = {}
    # In each region, the repricing that had the last turn.
    last: dict[str, str] = {}

    async def step(repricing: Repricing, most: int) -> tuple[int, int]:
        """Returns how many persons were taken on, and of how many that failed."""
        after = reached.get(repricing.repricing_id)
        steps = await blocking.run(steps_of, reads, repricing, after=after, limit=most)
        reached[repricing.repricing_id] = steps[-1].person_id if len(steps) == most else None
        done = [batcher.submit(repricing.region, each) for each in steps]
        results = await asyncio.gather(*done, return_exceptions=True)
        return len(steps), sum(isinstance(each, Exception) for each in results)

    async def carry_on(region: str) -> None:
        going_on = await blocking.run(reads.open_repricings, region)
        metrics.repricing_waiting.labels(region).set(sum(waiting for _, waiting in going_on))
        for gone in reached.keys() - {repricing.repricing_id for repricing, _ in going_on}:
            del reached[gone]
        # As they were proposed, beginning behind the one that had the last turn.
        had_turn = last.get(region, "")
        in_turn = [repricing for repricing, _ in going_on]
        in_turn.sort(key=lambda each: (each.repricing_id <= had_turn, each.repricing_id))
        left, failed = _STEPS, 0
        for repricing in in_turn:
            if left <= 0:
                break
            # Before it is tried: one that cannot be read keeps no other from its turn.
            last[region] = repricing.repricing_id
            taken, failures = await step(repricing, left)
            left, failed = left - taken, failed + failures
        if failed:
            raise ToldError(f"{failed} persons of repricings could not be taken on")

    duties = duties_of(regions, carry_on, failure="repricing stands")
    return BackgroundTask(
        "repricing", duties, seconds=_STEP_SECONDS, metrics=metrics, clock=clock, log=log
    )


def year_taking(
    taking: YearTaking,
    blocking: Blocking,
    *,
    regions: tuple[str, ...],
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that takes the closing statements of closed years, some a round.

    A record whose statement cannot be taken holds up no other one, and is told of as a failure
    of its duty until it can.
    """

    async def take(region: str) -> None:
        going_on = await blocking.run(taking.going_on, region)
        metrics.years_being_taken.labels(region).set(len(going_on))
        refused = 0
        for close in going_on:
            until = time.monotonic() + _TAKING_SECONDS
            while True:
                done = await blocking.run(taking.take_on, close, limit=_STATEMENTS)
                # Fewer are left only of those that cannot be taken.
                if done.is_finished or done.tried < _STATEMENTS or time.monotonic() > until:
                    break
            if done.is_finished:
                log.info("year closed", region=region, benefit_year=close.benefit_year)
            refused += await blocking.run(taking.count_refused, close)
        metrics.year_statements_refused.labels(region).set(refused)
        if refused:
            raise ToldError(f"closing statements of {refused} persons cannot be taken")

    duties = duties_of(regions, take, failure="year close stands")
    return BackgroundTask(
        "year_close", duties, seconds=_STEP_SECONDS, metrics=metrics, clock=clock, log=log
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

    duties = duties_of(regions, fold, failure="folding failed")
    return BackgroundTask(
        "housekeeping", duties, seconds=_FOLD_SECONDS, metrics=metrics, clock=clock, log=log
    )


def token_pruning(
    database: Database,
    reads: Reads,
    blocking: Blocking,
    *,
    regions: tuple[str, ...],
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that takes tokens away an hour after their end: until then that is told."""

    async def prune(region: str) -> None:
        ended = await blocking.run(reads.now) - _TOKENS_TOLD
        pruned = await blocking.run(prune_tokens, database, region, before=ended)
        log.debug("tokens pruned", region=region, tokens=pruned)

    duties = duties_of(regions, prune, failure="tokens were not pruned")
    return BackgroundTask(
        "token-pruning", duties, seconds=_FOLD_SECONDS, metrics=metrics, clock=clock, log=log
    )


def refusal_counting(
    reports: Reports,
    refusals: Refusals,
    blocking: Blocking,
    *,
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> tuple[BackgroundTask, Callable[[], Awaitable[None]]]:
    """Returns the task that stores how often calls were refused, and what does so once."""

    async def store() -> None:
        waiting: dict[str, dict[RefusalKey, int]] = {}
        taken = refusals.take()
        for (region, day, institution_id, method, reason), count in taken.items():
            key = RefusalKey(day, institution_id, method, reason)
            waiting.setdefault(region, {})[key] = count
        try:
            for region in sorted(waiting):
                await blocking.run(reports.count_refusals, region, waiting[region])
                del waiting[region]
        except BaseException:
            # Where no answer came of a commit it may count twice: better than never, to look at.
            refusals.give_back({each: taken[each] for each in taken if each.region in waiting})
            raise

    duty = Duty(run=store, failure="refusals not counted")
    task = BackgroundTask(
        "refusal_counting", [duty], seconds=_REFUSALS_SECONDS, metrics=metrics, clock=clock, log=log
    )
    return task, store


def background_tasks(
    config: SettlementConfig,
    database: Database,
    engine: tuple[Batcher[Command, bytes], Reads, Blocking],
    transactions: Transactions[Work],
    trust_store: TrustStore,
    *,
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> tuple[BackgroundTask, ...]:
    """Returns every task that runs beside the calls; none has started."""
    batcher, reads, blocking = engine
    regions = config.identity.regions
    return (
        housekeeping(
            Checkpoints(transactions, others_ended=database.others_ended),
            blocking,
            regions=regions,
            metrics=metrics,
            clock=clock,
            log=log,
        ),
        answer_pruning(
            database,
            tables.answer,
            config.answers,
            blocking,
            past=tables.past_answer,
            metrics=metrics,
            clock=clock,
            log=log,
        ),
        token_pruning(
            database, reads, blocking, regions=regions, metrics=metrics, clock=clock, log=log
        ),
        region_watch(trust_store, regions=regions, metrics=metrics, clock=clock, log=log),
        review_watch(reads, blocking, regions=regions, metrics=metrics, clock=clock, log=log),
        hold_sweep(
            reads, batcher, blocking, regions=regions, metrics=metrics, clock=clock, log=log
        ),
        repricing_steps(
            reads, batcher, blocking, regions=regions, metrics=metrics, clock=clock, log=log
        ),
        *account_tasks(config, engine, transactions, metrics=metrics, clock=clock, log=log),
        year_taking(
            YearTaking(transactions, clock=reads.now),
            blocking,
            regions=regions,
            metrics=metrics,
            clock=clock,
            log=log,
        ),
        account_closing(
            AccountClosing(transactions, read_rules=read_rules, clock=reads.now, ids=new_id),
            blocking,
            regions=regions,
            metrics=metrics,
            clock=clock,
            log=log,
        ),
    )
