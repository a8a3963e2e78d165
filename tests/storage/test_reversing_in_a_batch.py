"""One batch reverses a bill and settles it again, in whatever order, on both databases."""

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.settlement_world import REGION, World

from yibao_common.values.ids import new_id
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.bill import Bill
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def carried_out(world: World, commands: list[Command], ids: list[str]) -> None:
    """Carries out one batch, once; its settlements and reversals get `ids` in turn."""
    work = BatchWork(
        SettlementTransactions(world.database, ReferenceCache()),
        clock=world.clock,
        ids=iter(ids).__next__,
    )
    assert [type(outcome) for outcome in work(REGION, commands)] == [bytes] * len(commands)


def notes(world: World, bill: Bill) -> dict[str, str | None]:
    """Returns the stored settlements of a bill, each with the reversal that it bears."""
    settlement = tables.settlement.c
    query = sa.select(settlement.settlement_id, settlement.reversal_id).where(
        settlement.region == REGION, settlement.bill_number == bill.bill_number
    )
    with world.database.read() as connection:
        return {row.settlement_id: row.reversal_id for row in connection.execute(query)}


def assert_books_are_right(world: World, person: str, *, balance_fen: int) -> None:
    assert check_ledger(world.database).drifts == []
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert standing.balance_fen == balance_fen


def test_a_stored_settlement_is_reversed_and_its_bill_settled_again(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 50_000))
    visit = world.register(person)
    bill = world.bill(visit, account_used=True)
    stored = world.settle(visit, person, bill=bill).settlement_id
    reversal, again = new_id(), new_id()
    commands: list[Command] = [
        world.reverse_command(stored),
        world.settle_command(visit, person, bill=bill),
    ]
    carried_out(world, commands, [reversal, again])
    assert notes(world, bill) == {stored: reversal, again: None}
    assert_books_are_right(world, person, balance_fen=0)


@pytest.mark.parametrize("settles_again", [False, True])
def test_what_a_batch_settles_it_reverses(world: World, settles_again: bool) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 50_000))
    visit = world.register(person)
    bill = world.bill(visit, account_used=True)
    settled, reversal, again = new_id(), new_id(), new_id()
    commands: list[Command] = [
        world.settle_command(visit, person, bill=bill),
        world.reverse_command(settled),
    ]
    expected: dict[str, str | None] = {settled: reversal}
    if settles_again:
        commands.append(world.settle_command(visit, person, bill=bill))
        expected[again] = None
    carried_out(world, commands, [settled, reversal, again])
    assert notes(world, bill) == expected
    record = world.queries.settlement(REGION, settled)
    assert record is not None
    assert record.reversal is not None
    assert record.reversal.reason == "entered twice"
    assert len(record.lines) == len(bill.lines)
    assert_books_are_right(world, person, balance_fen=0 if settles_again else 50_000)


def test_a_batch_reverses_a_stored_settlement_and_its_own_of_one_bill(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    bill = world.bill(visit)
    stored = world.settle(visit, person, bill=bill).settlement_id
    own, last, *reversals = (new_id() for _ in range(4))
    commands: list[Command] = [
        world.reverse_command(stored),
        world.settle_command(visit, person, bill=bill),
        world.reverse_command(own),
        world.settle_command(visit, person, bill=bill),
    ]
    carried_out(world, commands, [reversals[0], own, reversals[1], last])
    assert notes(world, bill) == {stored: reversals[0], own: reversals[1], last: None}
    assert_books_are_right(world, person, balance_fen=0)
