"""One process ends and closes a month while others settle by clocks that are behind (H11)."""

import dataclasses
import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases, PostgresDatabases
from support.periods import FUNDS, close, find, propose
from support.settlement_world import HOSPITAL, REGION, TODAY, FakeClock, World

from yibao_common.commands.request import Request
from yibao_common.values.errors import TransientError
from yibao_common.values.ids import Ids, new_id
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache

LAST_SECOND = dt.datetime(2026, 11, 30, 15, 59, 59, tzinfo=dt.UTC)
NEXT_DAY = dt.datetime(2026, 11, 30, 16, 0, 1, tzinfo=dt.UTC)


@dataclasses.dataclass(slots=True)
class Waiting:
    """A command that is decided only once somebody says so."""

    of: Command
    begun: threading.Event
    goes_on: threading.Event

    @property
    def request(self) -> Request:
        return self.of.request

    def needs(self) -> Needs:
        return self.of.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        self.begun.set()
        assert self.goes_on.wait(30)
        return self.of.decide(working_set, ids)


def lagging_worker(world: World) -> BatchWork:
    """Returns work of a process whose clock says the last second of November for good."""
    return BatchWork(
        SettlementTransactions(world.database, ReferenceCache()),
        clock=FakeClock(LAST_SECOND),
        ids=new_id,
    )


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
