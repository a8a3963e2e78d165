"""Relatives who turn out to be one person: what comes back is theirs, once, on both databases."""

import dataclasses

import pytest
from support.charges import assert_books_are_right
from support.databases import Databases
from support.families import agree, bill, giver, holding, parts, purses, settle, stay
from support.holds import hold, release
from support.settlement_world import NOW, World

from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.refund import AskedReturn


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


@pytest.mark.parametrize("is_receiver_retired", [True, False])
@pytest.mark.parametrize("is_later", [False, True])
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
