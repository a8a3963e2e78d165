"""The task that closes accounts of confirmed years, page after page."""

import time

from yibao_common.commands.background import BackgroundTask, ToldError, duties_of
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import Clock
from yibao_settlement.application.account_close.run import AccountClosing

_STEP_SECONDS = 2.0
# How long a round closes accounts: others of its task come in turn, and who ends the service waits
# for a page alone.
_ROUND_SECONDS = 20.0


def account_closing(
    closing: AccountClosing,
    blocking: Blocking,
    *,
    regions: tuple[str, ...],
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that closes accounts, some pages a round.

    An account that cannot be closed holds up no other one, and is told of as a failure of its duty
    until it can. Pages are transactions of their own, between which bills settle.
    """

    async def close(region: str) -> None:
        going_on = await blocking.run(closing.going_on, region)
        metrics.account_closes_running.labels(region).set(len(going_on))
        refused = 0
        for each in going_on:
            until = time.monotonic() + _ROUND_SECONDS
            while time.monotonic() < until:
                done = await blocking.run(closing.next_page, each)
                if done.is_finished:
                    log.info("accounts closed", region=region, benefit_year=each.benefit_year)
                if done.is_finished or done.is_idle:
                    break
            refused += await blocking.run(closing.refused_count, each)
        metrics.accounts_refused.labels(region).set(refused)
        if refused:
            raise ToldError(f"accounts of {refused} persons cannot be closed")

    duties = duties_of(regions, close, failure="account close stands")
    return BackgroundTask(
        "account_close", duties, seconds=_STEP_SECONDS, metrics=metrics, clock=clock, log=log
    )
