"""Years of accounts close behind relatives' money: each earns on what it held (T-08)."""

import pytest
from support.account_closes import close_accounts
from support.charges import assert_books_are_right
from support.databases import Databases
from support.families import agree, giver, holding, purses, settle
from support.settlement_world import World
from support.years import JANUARY, close

from yibao_settlement.rules.refund import AskedReturn


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def test_a_bill_of_a_closed_year_goes_back_to_relatives_of_whom_it_was(world: World) -> None:
    own, sharer = holding(world, 1_000), holding(world, 300_000, carried_fen=50_000)
    agree(world, own, giver(sharer))
    made = settle(world, own, ("A1", 90_000), ("A1", 20_000))
    left_fen = purses(world, sharer).balance_fen
    assert 0 < left_fen < 350_000
    world.clock.now = JANUARY
    close(world)
    close_accounts(world)
    earned_fen = purses(world, sharer).carried_fen - left_fen
    assert earned_fen > 0
    assert_books_are_right(world)
    world.refund(made, AskedReturn(1))
    world.reverse(made)
    assert purses(world, sharer).carried_fen == 350_000 + earned_fen
    assert_books_are_right(world)
