"""Relatives who turn out to be one person: what comes back is theirs, once, on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.charges import assert_books_are_right
from support.databases import Databases, PostgresDatabases, as_owner
from support.families import agree, bill, giver, holding, parts, purses, settle, stay
from support.holds import hold, release
from support.settlement_world import NOW, REGION, World

from yibao_common.values.errors import RuleError, TransientError
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


@pytest.mark.parametrize(("is_receiver_retired", "is_later"), [(True, True), (False, False)])
def test_what_a_relative_paid_comes_back_who_turned_out_to_be_the_person(
    world: World, is_receiver_retired: bool, is_later: bool
) -> None:
    own, sharer = holding(world, 1_000), holding(world, 5_000, carried_fen=2_000)
    agree(world, own, giver(sharer))
    first, second = settle(world, own, ("A1", 4_000)), settle(world, own, ("A1", 700), ("A1", 300))
    visit = stay(world, own)
    held = hold(world, visit, own, bill=bill(world, visit, ("A1", 600)))
    retired, survivor = (own, sharer) if is_receiver_retired else (sharer, own)
    world.merge(retired, survivor)
    assert_books_are_right(world)
    if is_later:
        world.clock.now = NOW.replace(year=NOW.year + 1, month=1, day=5)
    world.reverse(first)
    world.refund(second, AskedReturn(1))
    assert_books_are_right(world)
    if not is_later:
        release(world, held.hold_id)
    assert purses(world, survivor).balance_fen == 8_000 - 300
    world.reverse(second)
    assert purses(world, survivor).balance_fen == 8_000
    assert_books_are_right(world)


def test_what_comes_back_while_a_relative_is_merged_goes_to_who_stands_there(
    postgres_databases: PostgresDatabases,
) -> None:
    """The merge commits while the lock is waited for: the act is run again, of what is then."""
    world = World(postgres_databases.open("yibao_settlement"))
    own, sharer, survivor = holding(world), holding(world, 4_000), holding(world, 100)
    agree(world, own, giver(sharer))
    made = settle(world, own, ("A1", 4_000))
    command, work = world.reverse_command(made), world.new_worker()
    with ThreadPoolExecutor(1) as pool:
        with as_owner(world.database) as connection:
            for table in (tables.person_standing, tables.person):
                whose = sa.and_(table.c.region == REGION, table.c.person_id == sharer)
                connection.execute(sa.update(table).where(whose).values(merged_into=survivor))
            done = pool.submit(work, REGION, [command])
            with pytest.raises(TimeoutError):
                done.result(timeout=0.5)
        with pytest.raises(TransientError):
            done.result(timeout=30)
    world.run(command)
    assert (purses(world, own), purses(world, survivor)) == (Purses(0, 0), Purses(4_100, 0))


def test_what_comes_back_beside_an_act_on_a_merged_relative_goes_to_who_stands_there(
    world: World,
) -> None:
    own, sharer, survivor = holding(world), holding(world, 5_000), holding(world, 100)
    agree(world, own, giver(sharer))
    made = settle(world, own, ("A1", 4_000))
    world.merge(sharer, survivor)
    refused, done = world.work(
        REGION, [world.credit_command(sharer, 1), world.reverse_command(made)]
    )
    assert isinstance(refused, RuleError)
    assert isinstance(done, bytes)
    assert (purses(world, sharer), purses(world, survivor)) == (Purses(0, 0), Purses(5_100, 0))
    assert_books_are_right(world)


def test_what_comes_back_of_a_merged_receivers_bill_widens_no_limit_of_the_survivor(
    world: World,
) -> None:
    own, survivor, sharer = holding(world), holding(world), holding(world, 9_000)
    agree(world, own, giver(sharer))
    made = settle(world, own, ("A1", 3_000))
    world.merge(own, survivor)
    agree(world, survivor, giver(sharer, year_limit_fen=1_000))
    settle(world, survivor, ("A1", 400))
    world.reverse(made)
    again = settle(world, survivor, ("A1", 4_000))
    assert parts(world, again) == [(sharer, 600)]
    assert_books_are_right(world)
