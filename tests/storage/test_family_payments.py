"""Relatives' accounts pay beside the own one, on both databases (A3)."""

import dataclasses
import datetime as dt

import pytest
from support.benefit_world import benefit_world, policy_text, stay_bill
from support.charges import assert_books_are_right
from support.corrections import charged, correct
from support.databases import Databases
from support.differences import difference, move
from support.families import (
    agree,
    bill,
    giver,
    holding,
    paid,
    parts,
    purses,
    settle,
    statement,
    stay,
)
from support.holds import confirm, hold, release
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, TODAY, World
from support.statements import SIGNED

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.sheet import Grid
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.application.statement import find_statement
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.day.act import span_of
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.rules.statement.form import sheet_of
from yibao_settlement.rules.statement.telling import sentences_of
from yibao_settlement.storage.day.record import StoredDays


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
    assert record is not None
    assert record.cash_fen == 1_500
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


def test_what_a_relative_holds_for_an_own_bill_pays_no_other_until_it_runs_out(
    world: World,
) -> None:
    """The one whose hold runs out gives back what others gave for it, by the same bill."""
    own, between, farther = holding(world), holding(world, 1_000), holding(world, 5_000)
    agree(world, own, giver(between))
    agree(world, between, giver(farther))
    visit = stay(world, between)
    hold(world, visit, between, bill=bill(world, visit, ("A1", 3_000)))
    assert parts(world, settle(world, own, ("A1", 500))) == []
    world.clock.now += dt.timedelta(minutes=31)
    assert parts(world, settle(world, own, ("A1", 5_000))) == [(between, 1_000)]
    assert (purses(world, between), purses(world, farther)) == (Purses(0, 0), Purses(5_000, 0))
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


def test_a_trial_tells_what_relatives_would_pay(world: World) -> None:
    own, sharer = holding(world, 1_000), holding(world, 10_000)
    agree(world, own, giver(sharer, year_limit_fen=2_500))
    visit = stay(world, own)
    made = bill(world, visit, ("A1", 2_000))
    record = trial(world.queries, REGION, made, institution_id=HOSPITAL, now=world.clock.now).record
    assert [(part.giver_id, part.amount_fen) for part in record.family] == [(sharer, 1_000)]
    settle(world, own, ("A1", 3_000))
    record = trial(world.queries, REGION, made, institution_id=HOSPITAL, now=world.clock.now).record
    assert [part.amount_fen for part in record.family] == [500]


def test_statements_of_both_tell_of_the_other_and_day_sums_of_the_part(world: World) -> None:
    own, sharer = holding(world, 1_000), holding(world, 10_000)
    agree(world, own, giver(sharer, relation=5), person_name_masked="李*")
    made = settle(world, own, ("A1", 1_500), ("A1", 2_500))
    world.refund(made, AskedReturn(1))
    told = {
        person: [
            (each.amount_fen, each.relatives[0].relation, each.relatives[0].relative_name_masked)
            for each in statement(world, person).movements
            if each.relatives
        ]
        for person in (own, sharer)
    }
    assert told == {
        own: [(3_000, 5, ""), (-1_500, 5, "")],
        sharer: [(-3_000, 5, "李*"), (1_500, 5, "李*")],
    }
    mine = statement(world, own)
    assert (mine.credited_fen, mine.paid_fen, mine.family_fen, mine.moved_fen) == (
        1_000,
        2_500,
        1_500,
        0,
    )
    assert account_and_family(world) == (2_500, 1_500)


def account_and_family(world: World) -> tuple[int, int]:
    """Returns what accounts paid of the day's bills, and of that relatives' accounts."""
    with world.database.read() as connection:
        span = span_of(shanghai_day(NOW), NOW + dt.timedelta(hours=1))
        (day,) = StoredDays(connection, REGION).sums(HOSPITAL, span)
    return day.amounts.account_fen, day.family_fen


def test_day_sums_tell_the_part_of_relatives_whatever_becomes_of_a_bill(world: World) -> None:
    own, sharer = holding(world, 1_000), holding(world, 50_000)
    agree(world, own, giver(sharer))
    made = settle(world, own, ("A1", 3_000), ("A1", 2_000))
    assert account_and_family(world) == (5_000, 4_000)
    corrected = correct(world, made, charged(("A1", 2_500))).settlement.settlement_id
    assert account_and_family(world) == (2_500, 1_500)
    world.reverse(corrected)
    assert account_and_family(world) == (0, 0)
    visit = stay(world, own)
    held = hold(world, visit, own, bill=bill(world, visit, ("A1", 3_000)))
    assert account_and_family(world) == (0, 0)
    settled = confirm(world, held.hold_id).settlement_id
    assert account_and_family(world) == (3_000, 2_000)
    world.refund(settled, AskedReturn(1))
    assert account_and_family(world) == (0, 0)


def test_a_bill_that_is_due_to_the_account_goes_back_to_relatives_first(
    databases: Databases,
) -> None:
    world = benefit_world(databases)
    own, sharer = holding(world, 100_000), holding(world, 1_000_000)
    agree(world, own, giver(sharer))
    visits = []
    for institution in (HOSPITAL, OTHER_HOSPITAL):
        visit = world.register(own, start_date=TODAY, institution_id=institution)
        used = institution == OTHER_HOSPITAL
        made = stay_bill(world, visit, TODAY, 2_000_000, account_used=used, family_used=used)
        visits.append(world.settle(visit, own, bill=made, institution_id=institution).settlement_id)
    first, second = visits
    ((_, given_fen),) = parts(world, second)
    world.reverse(first)
    due_fen = difference(world, own).due_fen
    assert 0 < due_fen < given_fen
    move(world, own)
    assert purses(world, own) == Purses(0, 0)
    assert purses(world, sharer) == Purses(1_000_000 - given_fen + due_fen, 0)
    assert_books_are_right(world)
    world.reverse(second, institution_id=OTHER_HOSPITAL)
    assert (purses(world, own), purses(world, sharer)) == (
        Purses(100_000, 0),
        Purses(1_000_000, 0),
    )
    assert_books_are_right(world)


def test_a_policy_may_keep_relatives_from_paying_of_some_amounts(databases: Databases) -> None:
    text = policy_text()
    assert "account:" in text
    limited = text.replace(
        "  - account:\n", "  - account:\n      purses: [current_year, carried]\n"
    )
    assert limited != text
    world = benefit_world(databases, text=limited)
    own, sharer = holding(world, 1_000), holding(world, 1_000_000)
    agree(world, own, giver(sharer))
    visit = world.register(own, start_date=TODAY)
    made = stay_bill(world, visit, TODAY, 2_000_000, account_used=True, family_used=True)
    settled = world.settle(visit, own, bill=made).settlement_id
    assert parts(world, settled) == []
    assert_books_are_right(world)


def test_the_statement_of_a_bill_tells_the_part_of_relatives(world: World) -> None:
    own, sharer = holding(world, 1_000), holding(world, 10_000)
    agree(world, own, giver(sharer, relation=2))
    settled = settle(world, own, ("A1", 3_000))
    told = find_statement(world.queries, REGION, settled, Viewer(None))
    assert told.family == ((2, 2_000),)
    said = [each.zh for each in sentences_of(told) if each.sentence_id == "FAM1"]
    assert said == ["20.00元由父母的账户共济支付，不影响您的报销比例。"]
    pairs = [
        pair
        for block in sheet_of(told, SIGNED).front
        if isinstance(block, Grid)
        for row in block.rows
        for pair in row
    ]
    assert ("其中亲属共济支付", "20.00") in pairs
    assert ("共济亲属", "父母") in pairs
