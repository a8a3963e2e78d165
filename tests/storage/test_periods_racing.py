"""One process ends and closes a month while others settle by clocks that are behind (H11)."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases, PostgresDatabases
from support.delayed import NEXT_DAY, Waiting, lagging_worker
from support.periods import FUNDS, close, find, propose
from support.settlement_world import HOSPITAL, REGION, TODAY, World

from yibao_common.values.errors import TransientError
from yibao_settlement.application.batch.command import Command
from yibao_settlement.storage import tables


def settle_commands(world: World, person: str, count: int = 1) -> list[Command]:
    """Returns bills of stays that have ended; codes are shown in this order."""
    visits = []
    for _ in range(count):
        visits.append(admit(world, person, TODAY))
        world.run(world.discharge_command(visits[-1]))
    return [world.settle_command(each, person, bill=world.bill(each)) for each in visits]


def months(world: World) -> dict[int, int]:
    """Returns how many entries of the hospital's payable are of each month."""
    entry = tables.entry.c
    query = (
        sa.select(entry.month, sa.func.count())
        .where(entry.account_id == f"payable:{HOSPITAL}")
        .group_by(entry.month)
    )
    with world.database.read() as connection:
        return {month: count for month, count in connection.execute(query)}


def test_a_bill_that_is_on_its_way_is_in_the_month_before_it_is_summed(
    databases: Databases,
) -> None:
    world = benefit_world(databases)
    (person,) = world.enrol()
    begun, goes_on = threading.Event(), threading.Event()
    (command,) = settle_commands(world, person)
    waiting = Waiting(command, begun, goes_on)
    work = lagging_worker(world)
    world.clock.now = NEXT_DAY
    with ThreadPoolExecutor(2) as pool:
        settling = pool.submit(work, REGION, [waiting])
        assert begun.wait(30)
        proposing = pool.submit(propose, world, HOSPITAL, 202611)
        # It waits for what may still post in the month.
        with pytest.raises(TimeoutError):
            proposing.result(timeout=0.5)
        goes_on.set()
        (outcome,) = settling.result()
        assert isinstance(outcome, bytes)
        period = proposing.result()
    assert period.entry_count == 1
    (outcome,) = work(REGION, settle_commands(world, person))
    assert isinstance(outcome, bytes)
    assert months(world) == {202611: 1, 202612: 1}
    assert_books_are_right(world)


@pytest.mark.long
def test_nothing_lands_in_a_month_that_is_closed_while_others_settle(
    postgres_databases: PostgresDatabases,
) -> None:
    world = benefit_world(postgres_databases)
    # So few of each that all of them are paid for: what is not posts nothing.
    shares = [
        [command for each in world.enrol(4) for command in settle_commands(world, each, 4)]
        for _ in range(3)
    ]
    world.clock.now = NEXT_DAY
    at_work = threading.Barrier(len(shares) + 1)

    def settle_all(commands: list[Command]) -> None:
        work = lagging_worker(world)
        for number, command in enumerate(commands):
            if number == 3:
                at_work.wait(30)
            while True:
                try:
                    (outcome,) = work(REGION, [command])
                except TransientError:
                    continue  # as the batcher does
                assert isinstance(outcome, bytes), outcome
                break

    with ThreadPoolExecutor(len(shares)) as pool:
        settling = [pool.submit(settle_all, each) for each in shares]
        at_work.wait(30)
        closed = [close(world, each, 202611) for each in (HOSPITAL, FUNDS)]
        for each in settling:
            each.result()
    counts = months(world)
    assert counts[202611] == closed[0].entry_count
    assert sum(counts.values()) == sum(map(len, shares))
    assert counts[202612]
    for institution_id, period in zip((HOSPITAL, FUNDS), closed, strict=True):
        assert find(world, institution_id, 202611).amount_fen == period.amount_fen
    assert_books_are_right(world)
