"""The checker finds relatives' money that was altered; acts are cut off, repeated and raced."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.charges import assert_books_are_right
from support.crashing import POINTS, CrashingTransactions
from support.databases import KINDS, Databases, as_owner
from support.families import agree, bill, giver, holding, purses, settle, stay
from support.settlement_world import REGION, World

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.ledger_check.report import FAMILY_OUTSTANDING, FAMILY_POSTED
from yibao_settlement.rules.account import Purses
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


class PowerFailureError(Exception):
    """The process is gone."""


PAYMENT = tables.family_payment


@pytest.mark.parametrize(
    ("databases", "alter", "invariants"),
    [
        ("sqlite", sa.update(PAYMENT).values(amount_fen=PAYMENT.c.amount_fen + 1), 2),
        ("postgresql", sa.update(PAYMENT).values(to_id=PAYMENT.c.receiver_id), 1),
        ("sqlite", sa.update(PAYMENT).values(place=PAYMENT.c.posting_id), 1),
        ("postgresql", sa.delete(PAYMENT), 2),
    ],
    ids=["amount", "giver", "bill", "gone"],
    indirect=["databases"],
)
def test_what_is_altered_of_relatives_payments_is_found(
    world: World, alter: sa.Update | sa.Delete, invariants: int
) -> None:
    own, sharer = holding(world, 100), holding(world, 10_000)
    agree(world, own, giver(sharer))
    settle(world, own, ("A1", 1_500))
    assert_books_are_right(world)
    with as_owner(world.database) as connection:
        connection.execute(alter)
    found = {drift.invariant for drift in check_ledger(world.database).drifts}
    assert len(found & {FAMILY_POSTED, FAMILY_OUTSTANDING}) == invariants


@pytest.mark.parametrize(
    ("databases", "point"),
    list(zip(KINDS * 2, POINTS, strict=True)),
    indirect=["databases"],
)
def test_what_is_cut_off_anywhere_takes_of_relatives_once(world: World, point: str) -> None:
    own, sharer = holding(world, 100), holding(world, 10_000)
    agree(world, own, giver(sharer))
    visit = stay(world, own)
    command = world.settle_command(visit, own, bill=bill(world, visit, ("A1", 1_500)))

    inner = SettlementTransactions(world.database, ReferenceCache())
    crashing = CrashingTransactions(inner, point, PowerFailureError())
    work = BatchWork(crashing, clock=world.clock, ids=new_id)
    with pytest.raises(PowerFailureError):
        work(REGION, [command])
    answers = {world.run(command), world.run(command)}
    assert len(answers) == 1
    assert (purses(world, own), purses(world, sharer)) == (Purses(0, 0), Purses(8_600, 0))
    assert_books_are_right(world)


def test_a_couple_at_two_counters_is_charged_what_both_accounts_hold(world: World) -> None:
    """Each pays for the other one: locks are taken in one order, and nobody waits for ever."""
    one, other = holding(world, 10_000), holding(world, 10_000)
    agree(world, one, giver(other))
    agree(world, other, giver(one))
    amounts = (3_000, 4_000, 5_000)
    visits = {person: [stay(world, person) for _ in amounts] for person in (one, other)}
    # Codes after those of all visits: each is newer than what its holder showed before.
    commands = {
        person: [
            world.settle_command(visit, person, bill=bill(world, visit, ("A1", fen)))
            for visit, fen in zip(visits[person], amounts, strict=True)
        ]
        for person in visits
    }

    def settled(person: str) -> None:
        work = world.new_worker()
        for command in commands[person]:
            (outcome,) = work(REGION, [command])
            assert not isinstance(outcome, RuleError), outcome

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(settled, (one, other)))
    assert purses(world, one).balance_fen == purses(world, other).balance_fen == 0
    assert_books_are_right(world)
