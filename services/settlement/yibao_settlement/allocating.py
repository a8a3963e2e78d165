"""What takes allocations on in the background, and counts what waits of accounts."""

from yibao_common.commands.background import BackgroundTask, ToldError, duties_of
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.db.batcher import Batcher
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import Clock
from yibao_settlement.application.allocation.run import AllocationRun
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.credit.find import CreditBook
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.transfer.find import TransferBook
from yibao_settlement.application.work import Work
from yibao_settlement.config import SettlementConfig
from yibao_settlement.files.benefit.credit import load_credit_policy
from yibao_settlement.rules.allocation import Allocation
from yibao_settlement.rules.benefit.credit import CreditPolicy

_STEP_SECONDS = 0.5
# Pages a round and region: they come in batches with what callers ask.
_PAGES = 10
_COUNT_SECONDS = 60.0


def read_rules(policy_file: bytes) -> CreditPolicy:
    """Returns the rules of a file that was submitted."""
    return load_credit_policy(policy_file, name="policy_file")


def allocation_pages(
    run: AllocationRun,
    batcher: Batcher[Command, bytes],
    blocking: Blocking,
    *,
    regions: tuple[str, ...],
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that takes allocations on, some pages a round.

    One whose page fails stands until it can be decided, which is told as a failure of its duty,
    and keeps no other one from its turn.
    """

    async def take(allocation: Allocation) -> bool:
        """Returns whether another page may be left."""
        page = await blocking.run(run.next_page, allocation)
        if page is None:
            log.info(
                "allocation finished",
                region=allocation.region,
                allocation_id=allocation.allocation_id,
                month=allocation.month,
            )
            return False
        await batcher.submit(allocation.region, page)
        return True

    async def carry_on(region: str) -> None:
        going_on = await blocking.run(run.going_on, region)
        metrics.allocations_running.labels(region).set(len(going_on))
        failed: list[str] = []
        for allocation in going_on:
            try:
                for _ in range(_PAGES):
                    if not await take(allocation):
                        break
            except Exception as error:
                failed.append(type(error).__name__)
        if failed:
            kinds = ", ".join(sorted(set(failed)))
            raise ToldError(f"{len(failed)} allocations could not be taken on: {kinds}")

    duties = duties_of(regions, carry_on, failure="allocation stands")
    return BackgroundTask(
        "allocation", duties, seconds=_STEP_SECONDS, metrics=metrics, clock=clock, log=log
    )


def account_watch(
    book: CreditBook,
    transfers: TransferBook,
    blocking: Blocking,
    *,
    regions: tuple[str, ...],
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that counts what waits of accounts, a region once a minute.

    Those are orders without a checker, and transfers behind their working days.
    """

    async def count(region: str) -> None:
        waiting = await blocking.run(book.count_waiting, region)
        metrics.account_orders_waiting.labels(region).set(waiting)
        stuck = await blocking.run(transfers.stuck, region)
        metrics.transfers_stuck.labels(region).set(len(stuck))

    duties = duties_of(regions, count, failure="accounts not watched")
    return BackgroundTask(
        "accounts", duties, seconds=_COUNT_SECONDS, metrics=metrics, clock=clock, log=log
    )


def account_tasks(
    config: SettlementConfig,
    engine: tuple[Batcher[Command, bytes], Reads, Blocking],
    transactions: Transactions[Work],
    *,
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> tuple[BackgroundTask, ...]:
    """Returns what runs of accounts beside the calls; none has started."""
    batcher, reads, blocking = engine
    regions = config.identity.regions
    run = AllocationRun(
        transactions,
        read_rules,
        clock=reads.now,
        second_above_fen=config.accounts.second_person_above_fen or {},
    )
    books = CreditBook(transactions), TransferBook(transactions, clock=reads.now)
    return (
        allocation_pages(
            run, batcher, blocking, regions=regions, metrics=metrics, clock=clock, log=log
        ),
        account_watch(*books, blocking, regions=regions, metrics=metrics, clock=clock, log=log),
    )
