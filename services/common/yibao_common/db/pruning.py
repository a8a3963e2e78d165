"""Answers that are older than they are promised are taken away, so that they do not pile up.

The documents promise that a request may be repeated for `PROMISED_DAYS`. After that it is a
new one, judged by what stands: bills and credits are refused by their own keys, an import
is carried out again (`docs/coding/errors-and-retries.md`). Answers of before methods were
kept stay: a credit among them has no other key than its request. So do fences, without which a
request would be carried out that somebody was told never will be.
"""

import datetime as dt
from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import FENCED_METHOD
from yibao_common.commands.sandbox import SandboxClock
from yibao_common.db.database import Database
from yibao_common.db.rows import Now, execute
from yibao_common.process.config import AnswersConfig
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import Clock

_PAGE_ROWS = 1_000
_SECONDS = 3_600.0
# A region that answered nothing for so long is not pruned: it has little to prune, and
# where this machine's clock went ahead no region seems to have answered of late.
_QUIET = dt.timedelta(days=1)


def pruning_time(database: Database, clock: Clock) -> dt.datetime:
    """Returns the time by which something is taken away for good.

    Of this machine's clock and PostgreSQL's it is the one that is behind: what one that went
    ahead takes away does not come back once it is right. Blocks.
    """
    now = clock()
    if database.is_sqlite or isinstance(clock, SandboxClock):
        return now
    with database.read() as connection:
        (((told,),),) = execute(connection, [Now()])
    of_database: dt.datetime = told
    return min(now, of_database)


def regions_in_use(
    database: Database, answers: sa.Table, regions: Iterable[str], *, now: dt.datetime
) -> list[str]:
    """Returns those of some regions that have answered something within the last day. Blocks.

    Where a machine's clock went ahead none seems to have.
    """
    with database.read() as connection:
        return [each for each in regions if _has_answered(connection, answers, each, now - _QUIET)]


def prune_answers(
    database: Database,
    answers: sa.Table,
    *,
    before: dt.datetime,
    in_use_since: dt.datetime | None = None,
    past: sa.Table | None = None,
    page_rows: int = _PAGE_ROWS,
) -> int:
    """Takes away the answers given before an instant, and returns how many there were.

    With `in_use_since` those of a region stay that has answered nothing since. `past` is a table
    that keeps of each what it has columns for. In pages, a transaction each: nobody waits long, and
    one cut off leaves the rest for the next time. Several processes may do it at once.
    """
    pruned = 0
    with database.read() as connection:
        regions = [
            region
            for region in _regions(connection, answers)
            if in_use_since is None or _has_answered(connection, answers, region, in_use_since)
        ]
    columns = answers.c
    for region in regions:
        old = (
            sa.select(columns.request_id)
            .where(
                columns.region == region,
                columns.answer_time < before,
                columns.method.not_in(("", FENCED_METHOD)),
            )
            .limit(page_rows)
        )
        page = sa.delete(answers).where(columns.region == region, columns.request_id.in_(old))
        while True:
            with database.write() as connection:
                taken = _taken(connection, answers, page, past)
            pruned += taken
            if taken < page_rows:
                break
    return pruned


def _taken(
    connection: sa.Connection, answers: sa.Table, page: sa.Delete, past: sa.Table | None
) -> int:
    """Takes a page of answers away and returns how many there were; `past` keeps of them."""
    if past is None:
        return connection.execute(page).rowcount
    kept = [answers.c[column.name] for column in past.columns]
    rows = [dict(row._mapping) for row in connection.execute(page.returning(*kept))]
    if rows:
        connection.execute(sa.insert(past), rows)
    return len(rows)


def answer_pruning(
    database: Database,
    answers: sa.Table,
    config: AnswersConfig,
    blocking: Blocking,
    *,
    past: sa.Table | None = None,
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that prunes the answers of a service, every hour."""
    kept = dt.timedelta(days=config.keep_days)

    async def prune() -> None:
        now = await blocking.run(pruning_time, database, clock)
        pruned = await blocking.run(
            prune_answers,
            database,
            answers,
            before=now - kept,
            in_use_since=now - _QUIET,
            past=past,
        )
        log.debug("answers pruned", answers=pruned)

    duty = Duty(run=prune, failure="answers were not pruned")
    return BackgroundTask(
        "answer-pruning", [duty], seconds=_SECONDS, metrics=metrics, clock=clock, log=log
    )


def _has_answered(
    connection: sa.Connection, answers: sa.Table, region: str, since: dt.datetime
) -> bool:
    found = sa.exists().where(answers.c.region == region, answers.c.answer_time >= since)
    return bool(connection.execute(sa.select(found)).scalar_one())


def _regions(connection: sa.Connection, answers: sa.Table) -> Iterator[str]:
    """Yields every region, by a step through the key each: there are few."""
    region = answers.c.region
    found = connection.execute(sa.select(sa.func.min(region))).scalar_one()
    while found is not None:
        yield found
        found = connection.execute(
            sa.select(sa.func.min(region)).where(region > found)
        ).scalar_one()
