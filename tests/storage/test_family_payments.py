"""Relatives' accounts pay beside the own one, on both databases (A3)."""

import dataclasses
import datetime as dt

import pytest
from support.charges import assert_books_are_right
from support.databases import Databases
from support.families import agree, bill, giver, holding, paid, parts, purses, settle, stay
from support.holds import confirm, hold, release
from support.settlement_world import HOSPITAL, NOW, REGION, World

from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.refund import AskedReturn


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def test_the_own_account_pays_first_and_relatives_get_back_first(world: World) -> None:
    own, sharer = holding(world, 3_000), holding(world, 10_000)
    agree(world, own, giver(sharer))
    made = settle(world, own, ("A1", 2_000), ("A1", 6_000))
    record = world.queries.settlement(REGION, made)
    assert record is not None
    assert (record.account_fen, record.cash_fen, record.family_fen) == (8_000, 0, 5_000)
    assert (purses(world, own), purses(world, sharer)) == (Purses(0, 0), Purses(5_000, 0))
    assert_books_are_right(world)
    world.refund(made, AskedReturn(2))
    assert (purses(world, own), purses(world, sharer)) == (Purses(1_000, 0), Purses(10_000, 0))
    assert_books_are_right(world)
    world.reverse(made)
    assert (purses(world, own), purses(world, sharer)) == (Purses(3_000, 0), Purses(10_000, 0))
    assert_books_are_right(world)


def test_the_own_account_gets_back_first_where_the_region_says_so(world: World) -> None:
    own, sharer = holding(world, 3_000), holding(world, 10_000)
    agree(world, own, giver(sharer))
    made = settle(world, own, ("A1", 2_000), ("A1", 6_000))
    world.refund(made, AskedReturn(2), own_first=True)
    assert (purses(world, own), purses(world, sharer)) == (Purses(3_000, 0), Purses(8_000, 0))
    assert_books_are_right(world)


def test_givers_pay_in_the_order_in_which_they_agreed_within_their_limits(world: World) -> None:
    own, first, second, third = (holding(world, fen) for fen in (1_000, 9_000, 9_000, 9_000))
    agree(
        world,
        own,
        giver(first, payment_limit_fen=2_000),
        giver(second, year_limit_fen=2_500),
        giver(third, start_date=dt.date(2026, 11, 21)),
    )
    assert parts(world, settle(world, own, ("A1", 4_000))) == [(first, 2_000), (second, 1_000)]
    later = settle(world, own, ("A1", 5_000))
    assert parts(world, later) == [(first, 2_000), (second, 1_500)]
    record = world.queries.settlement(REGION, later)
    assert record is not None and record.cash_fen == 1_500
    world.reverse(later)
    assert parts(world, settle(world, own, ("A1", 3_100))) == [(first, 2_000), (second, 1_100)]
    assert_books_are_right(world)


def test_what_a_revoked_link_paid_goes_back_and_nothing_more_is_taken(world: World) -> None:
    own, sharer = holding(world), holding(world, 10_000)
    agree(world, own, giver(sharer))
    made = settle(world, own, ("A1", 4_000))
    agree(world, own)
    assert parts(world, settle(world, own, ("A1", 500))) == []
    world.refund(made, AskedReturn(1))
    assert purses(world, sharer) == Purses(10_000, 0)
    assert_books_are_right(world)


def test_earlier_years_money_goes_back_to_the_purse_it_came_from(world: World) -> None:
    own, sharer = holding(world), holding(world, 1_000, carried_fen=2_000)
    agree(world, own, giver(sharer))
    made = settle(world, own, ("A1", 700), ("A1", 800))
    assert purses(world, sharer) == Purses(0, 1_500)
    world.refund(made, AskedReturn(1))
    assert purses(world, sharer) == Purses(200, 2_000)
    world.reverse(made)
    assert purses(world, sharer) == Purses(1_000, 2_000)
    again = settle(world, own, ("A1", 1_500))
    world.clock.now = NOW.replace(year=NOW.year + 1, month=1, day=5)
    world.reverse(again)
    assert (purses(world, own), purses(world, sharer)) == (Purses(0, 0), Purses(0, 3_000))
    assert_books_are_right(world)


def test_a_hold_keeps_relatives_money_until_it_is_settled_or_let_go(world: World) -> None:
    own, sharer = holding(world, 1_000), holding(world, 10_000)
    agree(world, own, giver(sharer))
    visits = [stay(world, own) for _ in range(3)]
    first = hold(world, visits[0], own, bill=bill(world, visits[0], ("A1", 3_000)))
    assert purses(world, sharer) == Purses(8_000, 0)
    second = hold(world, visits[1], own, bill=bill(world, visits[1], ("A1", 500)))
    third = hold(world, visits[2], own, bill=bill(world, visits[2], ("A1", 700)))
    assert purses(world, sharer) == Purses(6_800, 0)
    assert_books_are_right(world)
    release(world, first.hold_id)
    assert (purses(world, own), purses(world, sharer)) == (Purses(2_200, 0), Purses(8_800, 0))
    made = confirm(world, second.hold_id)
    assert purses(world, own) == Purses(1_700, 0)
    world.clock.now += dt.timedelta(minutes=31)
    settle(world, own, ("A1", 400))
    assert third.hold_id
    assert (purses(world, own), purses(world, sharer)) == (Purses(600, 0), Purses(9_500, 0))
    assert_books_are_right(world)
    world.reverse(made.settlement_id)
    assert (purses(world, own), purses(world, sharer)) == (Purses(600, 0), Purses(10_000, 0))
    assert_books_are_right(world)


def test_two_bills_of_two_persons_by_one_account_take_no_more_than_it_holds(world: World) -> None:
    first, second, sharer = holding(world), holding(world), holding(world, 5_000)
    agree(world, first, giver(sharer))
    agree(world, second, giver(sharer, "other"))
    commands = []
    for person in (first, second):
        visit = stay(world, person)
        made = bill(world, visit, ("A1", 4_000))
        commands.append(world.settle_command(visit, person, bill=made))
    assert all(isinstance(each, bytes) for each in world.work(REGION, commands))
    assert [fen for _, fen, _ in paid(world)] == [4_000, 1_000]
    assert_books_are_right(world)


def test_a_giver_who_died_or_was_merged_gives_nothing_and_gets_back(world: World) -> None:
    own, sharer, survivor = holding(world), holding(world, 10_000), holding(world, 100)
    agree(world, own, giver(sharer))
    made = settle(world, own, ("A1", 4_000))
    world.merge(sharer, survivor)
    assert parts(world, settle(world, own, ("A1", 50))) == []
    world.reverse(made)
    assert purses(world, survivor) == Purses(10_100, 0)
    dead = holding(world, 900)
    world.feed(dataclasses.replace(world.insured(dead), death_date=dt.date(2026, 11, 1)))
    agree(world, own, giver(dead))
    assert parts(world, settle(world, own, ("A1", 60))) == []
    assert_books_are_right(world)


def test_a_receiver_who_was_merged_passes_on_what_comes_back(world: World) -> None:
    own, sharer, survivor = holding(world, 100), holding(world, 10_000), holding(world, 5)
    agree(world, own, giver(sharer))
    made = settle(world, own, ("A1", 4_000))
    visit = stay(world, own)
    held = hold(world, visit, own, bill=bill(world, visit, ("A1", 300)))
    world.merge(own, survivor)
    world.reverse(made)
    assert (purses(world, survivor), purses(world, sharer)) == (
        Purses(100 + 5 + 300, 0),
        Purses(9_700, 0),
    )
    release(world, held.hold_id)
    assert (purses(world, survivor), purses(world, sharer)) == (Purses(105, 0), Purses(10_000, 0))
    assert_books_are_right(world)


def test_a_batch_of_nobody_with_relatives_makes_no_further_statement(world: World) -> None:
    own = holding(world, 1_000)
    visit = stay(world, own)
    made = bill(world, visit, ("A1", 300), account_used=True)
    world.settle(visit, own, bill=made, institution_id=HOSPITAL)
    assert paid(world) == []
