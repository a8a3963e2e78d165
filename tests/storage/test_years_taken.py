"""Statements are taken person by person: beside bills, after crashes, in several processes."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.corrections import settle
from support.databases import Databases, PostgresDatabases, as_owner
from support.sent import statements_sent
from support.serving import open_test_log
from support.settlement_parts import transactions_of
from support.settlement_world import REGION, World
from support.years import (
    JANUARY,
    YEAR,
    close,
    confirm,
    find,
    late_command,
    propose,
    settle_late,
    take_all,
    taking_of,
    told,
)

from yibao_common.commands.blocking import Blocking
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.errors import TransientError
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.work import Work
from yibao_settlement.application.year.take import YearTaking
from yibao_settlement.housekeeping import year_taking
from yibao_settlement.rules.year.close import YearState
from yibao_settlement.storage import tables

LINES = (("A1", 1_000_000), ("B1", 500_000))


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def confirmed(world: World, persons: int, *, bills: int = 1) -> list[str]:
    """Returns persons with bills of a year that is closed, and of whom nothing is taken yet."""
    found = world.enrol(persons)
    for each in found:
        for _ in range(bills):
            settle(world, each, *LINES)
    world.clock.now = JANUARY
    confirm(world, propose(world))
    return sorted(found)


def numbers(world: World) -> list[int]:
    with world.database.read() as connection:
        column = tables.year_statement.c.number
        return list(connection.execute(sa.select(column).order_by(column)).scalars())


def test_a_round_takes_some_and_the_next_one_goes_on_behind_them(world: World) -> None:
    persons = confirmed(world, 5)
    taking = taking_of(world)
    (year,) = taking.going_on(REGION)
    assert taking.take_on(year, limit=2) == (2, False)
    assert_books_are_right(world)
    state = find(world)
    assert (state.state, state.taking.reached_id) == (YearState.CLOSED, persons[1])
    # Another process, which knows nothing of the first one's rounds.
    assert taking_of(world).take_on(year, limit=10) == (3, True)
    assert numbers(world) == [1, 2, 3, 4, 5]
    assert taking.take_on(year, limit=10).is_finished
    assert taking.going_on(REGION) == []
    assert_books_are_right(world)


class PowerFailureError(Exception):
    """The process is gone."""


class FailingTransactions:
    """Transactions of which one ends before it is durable, or right after."""

    def __init__(self, world: World, *, fails_at: int, is_durable: bool) -> None:
        self._inner = transactions_of(world.database, clock=world.clock)
        self._left = fails_at
        self._is_durable = is_durable

    @contextmanager
    def read(self, region: str) -> Iterator[Work]:
        with self._inner.read(region) as work:
            yield work

    def change(self, region: str, work: Callable[[Work], Any]) -> Any:
        self._left -= 1
        if self._left:
            return self._inner.change(region, work)

        def cut_off(unit: Work) -> Any:
            work(unit)
            raise PowerFailureError

        self._inner.change(region, work if self._is_durable else cut_off)
        raise PowerFailureError


@pytest.mark.parametrize("is_durable", [False, True])
@pytest.mark.parametrize("fails_at", range(1, 6))
def test_a_crash_anywhere_leaves_nobody_out_and_nobody_twice(
    world: World, fails_at: int, is_durable: bool
) -> None:
    """Two statements and one, the end of the page, that nobody is left, and that all is taken."""
    persons = confirmed(world, 3)
    (year,) = taking_of(world).going_on(REGION)
    failing: Any = FailingTransactions(world, fails_at=fails_at, is_durable=is_durable)
    with pytest.raises(PowerFailureError):
        YearTaking(failing, clock=world.clock).take_on(year, limit=50, batch=2)
    assert_books_are_right(world)
    take_all(world)
    assert numbers(world) == [1, 2, 3]
    assert all(told(world, each)[0].statement for each in persons)
    assert_books_are_right(world)


def test_one_that_cannot_be_taken_holds_up_no_other_and_is_seen(world: World) -> None:
    persons = confirmed(world, 3)
    with as_owner(world.database) as connection:
        settlement = tables.settlement
        of_second = settlement.c.person_id == persons[1]
        kept = connection.execute(sa.select(settlement.c.record).where(of_second)).scalar_one()
        connection.execute(sa.update(settlement).where(of_second).values(record="{}"))
    metrics = Metrics()
    log = serve(world, metrics, rounds=2)
    assert numbers(world) == [1, 2]
    assert (find(world).state, find(world).refused_count) == (YearState.CLOSED, 1)
    assert sample(metrics, "yibao_year_statements_refused") == 1
    assert sample(metrics, "yibao_years_being_taken") == 1
    assert "closing statements of 1 persons cannot be taken" in log
    with as_owner(world.database) as connection:
        connection.execute(sa.update(settlement).where(of_second).values(record=kept))
    log = serve(world, metrics, rounds=2)
    assert "year closed" in log
    assert numbers(world) == [1, 2, 3]
    assert find(world).refused_count == sample(metrics, "yibao_year_statements_refused") == 0
    serve(world, metrics, rounds=1)
    assert sample(metrics, "yibao_years_being_taken") == 0
    assert_books_are_right(world)


def sample(metrics: Metrics, name: str) -> float | None:
    return metrics.registry.get_sample_value(name, {"region": REGION})


def serve(world: World, metrics: Metrics, *, rounds: int) -> str:
    """Runs rounds of the duty of a service, and returns its log."""
    log, lines = open_test_log()

    async def run() -> None:
        supervisor = Supervisor(asyncio.Event(), log=log)
        blocking = Blocking(threads=1)
        task = year_taking(
            taking_of(world),
            blocking,
            regions=(REGION,),
            metrics=metrics,
            clock=world.clock,
            log=log,
        )
        blocking.start(supervisor)
        for _ in range(rounds):
            await task.do_now(REGION)
        await task.close()
        blocking.close()

    asyncio.run(run())
    return lines.getvalue()


def test_a_statement_is_taken_under_the_locks_of_whoever_holds_the_account(
    postgres_databases: PostgresDatabases,
) -> None:
    """Of a record that was merged too: its bills change under the survivor's."""
    world = benefit_world(postgres_databases)
    retired, survivor = world.enrol(2)
    settle(world, retired, *LINES)
    world.merge(retired, survivor)
    world.clock.now = JANUARY
    confirm(world, propose(world))
    taking = taking_of(world)
    (year,) = taking.going_on(REGION)
    standing = tables.person_standing
    with ThreadPoolExecutor(1) as pool:
        with as_owner(world.database) as connection:
            connection.execute(
                sa.select(standing.c.person_id)
                .where(standing.c.person_id == survivor)
                .with_for_update()
            )
            done = pool.submit(taking.take_on, year, limit=5)
            with pytest.raises(TimeoutError):
                done.result(timeout=0.5)
        assert done.result(timeout=30).is_finished
    assert numbers(world) == [1]


@pytest.mark.long
def test_bills_and_merges_race_with_statements_and_each_is_of_one_moment(
    databases: Databases,
) -> None:
    """Two processes take; two reverse and settle, one merges: what is told adds up (H2, H14)."""
    world = benefit_world(databases)
    persons = confirmed(world, 12, bills=2)
    busy, merged = persons[:8], persons[8:]
    acts = {each: [world.reverse_command(first_of(world, each))] for each in busy}
    late = {each: late_command(world, each, *LINES) for each in busy}
    started = threading.Barrier(5)

    def settle_and_reverse(of: list[str]) -> None:
        work = world.new_worker()
        started.wait(30)
        for each in of:
            run_until_durable(work, [*acts[each], late[each]])

    def merge() -> None:
        started.wait(30)
        # The one is passed before the other, and the other way round.
        for retired, survivor in ((merged[0], merged[1]), (merged[3], merged[2])):
            world.merge(retired, survivor)

    def take() -> None:
        started.wait(30)
        take_until_done(world)

    with ThreadPoolExecutor(5) as pool:
        done = [
            *(pool.submit(settle_and_reverse, busy[at::2]) for at in range(2)),
            pool.submit(merge),
            *(pool.submit(take) for _ in range(2)),
        ]
        for each in done:
            each.result(timeout=120)
    assert numbers(world) == list(range(1, len(persons) + 1))
    found = [each for person in (*busy, merged[1], merged[2]) for each in told(world, person)]
    assert sorted(each.person_id for each in found) == persons
    for now in found:
        assert now.statement is not None
        assert now.sums == now.statement.sums.plus(now.between)
        assert now.sums.bill_count == 2
    assert_books_are_right(world)


def run_until_durable(work: BatchWork, commands: Sequence[Command]) -> None:
    """Carries commands out, again where another transaction was in the way, as the batcher does."""
    while True:
        try:
            outcomes = work(REGION, commands)
        except TransientError:
            continue
        assert all(isinstance(outcome, bytes) for outcome in outcomes), outcomes
        return


def take_until_done(world: World) -> None:
    """Takes statements in a process of its own, in rounds as its duty does."""
    taking = taking_of(world)
    while going_on := taking.going_on(REGION):
        for year in going_on:
            with suppress(TransientError):
                taking.take_on(year, limit=3)


def first_of(world: World, person: str) -> str:
    """Returns the first settlement of a person."""
    settlement = tables.settlement.c
    query = sa.select(sa.func.min(sa.cast(settlement.settlement_id, sa.String))).where(
        settlement.person_id == person
    )
    with world.database.read() as connection:
        return str(connection.execute(query).scalar_one())


def test_settling_reads_and_writes_nothing_of_a_closed_year(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person, *LINES)
    world.clock.now = JANUARY
    close(world)
    with statements_sent(world.database) as seen:
        late = settle_late(world, person, *LINES)
        world.reverse(late)
    assert any("person_standing" in each for each in seen)
    assert not [each for each in seen if "year_close" in each or "year_statement" in each]
    assert find(world).benefit_year == YEAR
