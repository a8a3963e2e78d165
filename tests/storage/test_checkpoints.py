"""Checkpoints rest on what is committed, whatever the clocks of processes say."""

import datetime as dt
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.settlement_books import booked_world
from support.settlement_parts import checkpoints_of, fold
from support.settlement_world import REGION, World

from yibao_common.commands.request import Outcome
from yibao_common.values.ids import Ids, TimeOrderedIds
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache

FUTURE = "ffffffff-ffff-7fff-8fff-ffffffffffff"


@pytest.fixture
def world(databases: Databases) -> World:
    return booked_world(databases)


def skewed(by: dt.timedelta) -> Ids:
    """Makes ids as a process whose clock is off does."""
    ids, millis = TimeOrderedIds(), int(by.total_seconds() * 1000)

    def make() -> str:
        value = ids()
        time = f"{int(value.replace('-', '')[:12], 16) + millis:012x}"
        return f"{time[:8]}-{time[8:]}{value[13:]}"

    return make


def process(world: World, ids: Ids) -> BatchWork:
    transactions = SettlementTransactions(world.database, ReferenceCache())
    return BatchWork(transactions, clock=world.clock, ids=ids)


def settled_by(work: BatchWork, world: World) -> Outcome[bytes]:
    person = world.persons[0]
    visit = world.register(person)
    (outcome,) = work(REGION, [world.settle_command(visit, person)])
    assert isinstance(outcome, bytes)
    return outcome


def truth(world: World) -> list[tuple[str, int]]:
    """Returns what the entries of the funds sum to."""
    entry = tables.entry.c
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(entry.account_id, sa.func.sum(entry.amount_fen))
            .where(entry.region == REGION, entry.account_id.like("fund:%"))
            .group_by(entry.account_id)
            .order_by(entry.account_id)
        )
        return [(row[0], int(row[1])) for row in rows]


@pytest.mark.parametrize("days", [-1, 1])
def test_processes_whose_clocks_differ_lose_no_entry(world: World, days: int) -> None:
    """One is a day off, folds what it posted, and the other posts on by its own clock."""
    off, right = process(world, skewed(dt.timedelta(days=days))), process(world, TimeOrderedIds())
    for _ in range(2):
        for work in (off, right, off):
            settled_by(work, world)
            assert fold(world.database, REGION) > 0
            assert world.queries.fund_balances(REGION) == truth(world)
    assert check_ledger(world.database).drifts == []


@pytest.fixture
def held(world: World) -> Iterator["Held"]:
    work = Held(world)
    yield work
    work.go_on.set()


class Held(BatchWork):
    """Work that holds its transaction open before it commits."""

    def __init__(self, world: World) -> None:
        super().__init__(
            SettlementTransactions(world.database, ReferenceCache()),
            clock=world.clock,
            ids=self._make,
        )
        self._old = skewed(-dt.timedelta(hours=1))
        self.begun, self.go_on = threading.Event(), threading.Event()

    def _make(self) -> str:
        self.begun.set()
        assert self.go_on.wait(30)
        return self._old()


def test_an_older_posting_that_is_not_committed_yet_is_waited_for(world: World, held: Held) -> None:
    """Its id lies below what is folded, and it appears after the fold began."""
    if world.database.is_sqlite:
        pytest.skip("one transaction writes at a time")
    (other,) = world.enrol()
    visit = world.register(other)
    command: Command = world.settle_command(visit, other)
    outcomes: list[Outcome[bytes]] = []
    late = threading.Thread(target=lambda: outcomes.extend(held(REGION, [command])))
    late.start()
    assert held.begun.wait(30)
    settled_by(process(world, TimeOrderedIds()), world)
    assert not world.database.others_ended(within_seconds=0.2)
    folding = threading.Thread(target=lambda: fold(world.database, REGION))
    folding.start()
    folding.join(0.5)
    assert folding.is_alive()
    held.go_on.set()
    late.join(30)
    folding.join(30)
    assert isinstance(outcomes[0], bytes)
    assert world.queries.fund_balances(REGION) == truth(world)
    settled_by(process(world, TimeOrderedIds()), world)
    assert fold(world.database, REGION) > 0
    assert world.queries.fund_balances(REGION) == truth(world)
    assert check_ledger(world.database).drifts == []


def test_a_wrong_checkpoint_is_made_anew(world: World) -> None:
    table = tables.account_checkpoint
    fold(world.database, REGION)
    with world.database.write() as connection:
        connection.execute(
            sa.update(table)
            .where(table.c.account_id != "")
            .values(balance_fen=1, through_posting_id=FUTURE)
        )
        connection.execute(
            sa.update(table).where(table.c.account_id == "").values(through_posting_id=FUTURE)
        )
    assert world.queries.fund_balances(REGION) != truth(world)
    assert fold(world.database, REGION) == 0
    assert checkpoints_of(world.database).rebuild(REGION) > 0
    assert world.queries.fund_balances(REGION) == truth(world)
    assert check_ledger(world.database).drifts == []
