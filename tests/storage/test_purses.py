"""Accounts tell this year's money from that of earlier years, on both databases."""

import dataclasses
import datetime as dt

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world, policy_text
from support.charges import assert_books_are_right
from support.databases import Databases
from support.settlement_world import AGENCY, NOW, REGION, World
from support.statements import SIGNED

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.sheet import Grid
from yibao_settlement.application.account import find_account
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.statement import find_statement
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.account import Purses, purses_in
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.statement.form import sheet_of
from yibao_settlement.rules.statement.telling import sentences_of
from yibao_settlement.storage import tables

NEXT_YEAR = NOW.replace(year=NOW.year + 1, month=1, day=5)

TWO_PURSES = [("其中历年账户支付", "0.50"), ("其中历年账户余额", "0.00")]


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def purses(world: World, person: str) -> Purses:
    """Returns what the purses hold, as a caller is told."""
    standing = find_account(
        world.queries, REGION, person, Viewer(None), now=world.clock.now
    ).standing
    assert purses_in(standing, world.clock.now.year) == (
        standing.balance_fen - standing.carried_fen,
        standing.carried_fen,
    )
    return purses_in(standing, world.clock.now.year)


def entries_of(settlement: Settlement) -> dict[str, int]:
    """Returns what a settlement takes from the purses, by the kind of account."""
    entries = {each.account_id.partition(":")[0]: each.amount_fen for each in settlement.entries}
    return {kind: fen for kind, fen in entries.items() if kind in ("person", "carried")}


def postings(world: World, kind: PostingKind) -> list[int]:
    """Returns what entered accounts by postings of a kind, in fen."""
    entry = tables.entry.c
    query = sa.select(entry.amount_fen).where(entry.kind == int(kind), entry.amount_fen > 0)
    with world.database.read() as connection:
        return list(connection.execute(query).scalars())


def enrolled(world: World, *, current_fen: int = 0, carried_fen: int = 0) -> str:
    """Enrols somebody whose purses hold so much."""
    (person,) = world.enrol()
    for amount_fen, is_carried in ((current_fen, False), (carried_fen, True)):
        if amount_fen:
            world.run(world.credit_command(person, amount_fen, is_carried=is_carried))
    assert purses(world, person) == Purses(current_fen, carried_fen)
    return person


def billed(world: World, person: str, **changes: object) -> Settlement:
    """Settles a bill that takes all that the account holds."""
    visit = world.register(person)
    return world.settle(visit, person, bill=world.bill(visit, account_used=True), **changes)


def test_what_is_left_of_a_year_is_of_earlier_years_from_new_year_on(world: World) -> None:
    person = enrolled(world, current_fen=700, carried_fen=20)
    world.clock.now = NEXT_YEAR
    assert purses(world, person) == Purses(0, 720)
    assert postings(world, PostingKind.CARRY_OVER) == []
    world.run(world.credit_command(person, 5))
    assert purses(world, person) == Purses(5, 720)
    world.run(world.credit_command(person, 1))
    assert postings(world, PostingKind.CARRY_OVER) == [700]
    assert_books_are_right(world)


def test_new_year_begins_in_china(world: World) -> None:
    person = enrolled(world, current_fen=700)
    china = dt.timezone(dt.timedelta(hours=8))
    world.clock.now = dt.datetime(NOW.year, 12, 31, 23, 59, tzinfo=china)
    assert purses(world, person) == Purses(700, 0)
    world.clock.now += dt.timedelta(minutes=1)
    assert purses(world, person) == Purses(0, 700)


def test_a_recharge_is_money_of_this_year(world: World) -> None:
    (person,) = world.enrol()
    command = world.credit_command(person, 5, source="recharge", is_carried=True)
    with pytest.raises(RuleError, match="FIELD_OUT_OF_RANGE"):
        world.run(command)
    world.run(world.credit_command(person, 5, source="recharge"))
    assert purses(world, person) == Purses(5, 0)


def test_a_region_may_take_no_recharge(world: World) -> None:
    """I-29: the flag of a region; what is allocated comes in as ever."""
    (person,) = world.enrol()
    recharge = world.credit_command(person, 5, source="recharge")
    with pytest.raises(RuleError, match="RECHARGE_NOT_TAKEN"):
        world.run(dataclasses.replace(recharge, is_recharge_taken=False))
    allocation = world.credit_command(person, 7)
    world.run(dataclasses.replace(allocation, is_recharge_taken=False))
    assert purses(world, person) == Purses(7, 0)


@pytest.mark.parametrize(
    ("carried_first", "taken", "left"),
    [(False, {"person": -300, "carried": -100}, (0, 400)), (True, {"carried": -400}, (300, 100))],
)
def test_a_region_says_which_money_goes_first(
    world: World, *, carried_first: bool, taken: dict[str, int], left: tuple[int, int]
) -> None:
    person = enrolled(world, current_fen=300, carried_fen=500)
    visit = world.register(person)
    # Less than the deductible, all of which the account may pay.
    lines = (ChargedLine(1, "A1", "4.00", "1", 400),)
    bill = world.bill(visit, account_used=True, lines=lines, total_fen=400)
    settlement = world.settle(visit, person, bill=bill, carried_first=carried_first)
    assert (settlement.account_fen, settlement.account_carried_fen) == (400, -taken["carried"])
    assert (settlement.account_balance_fen, settlement.carried_balance_fen) == (400, left[1])
    assert entries_of(settlement) == taken
    assert purses(world, person) == left
    assert_books_are_right(world)
    reversal = world.reverse(settlement.settlement_id)
    assert (reversal.account_balance_fen, reversal.carried_balance_fen) == (800, 500)
    assert purses(world, person) == Purses(300, 500)
    assert_books_are_right(world)


def test_a_reversal_after_new_year_gives_back_money_of_a_year_that_is_over(world: World) -> None:
    person = enrolled(world, current_fen=300, carried_fen=50)
    settlement = billed(world, person)
    assert entries_of(settlement) == {"person": -300, "carried": -50}
    world.clock.now = NEXT_YEAR
    world.run(world.credit_command(person, 7))
    reversal = world.reverse(settlement.settlement_id)
    assert (reversal.account_balance_fen, reversal.carried_balance_fen) == (357, 350)
    assert entries_of(reversal) == {"person": 300, "carried": 50}
    assert purses(world, person) == Purses(7, 350)
    assert_books_are_right(world)


def test_what_a_merged_person_paid_goes_back_to_the_purses_of_the_survivor(world: World) -> None:
    person = enrolled(world, current_fen=300, carried_fen=50)
    settlement = billed(world, person)
    world.run(world.credit_command(person, 11))
    survivor = enrolled(world, current_fen=1, carried_fen=2)
    world.merge(person, survivor)
    assert purses(world, survivor) == Purses(12, 2)
    world.reverse(settlement.settlement_id)
    assert purses(world, survivor) == Purses(312, 52)
    assert_books_are_right(world)


def test_accounts_that_merge_after_new_year_are_carried_over_first(world: World) -> None:
    retired = enrolled(world, current_fen=300, carried_fen=50)
    survivor = enrolled(world, current_fen=4)
    world.clock.now = NEXT_YEAR
    world.run(world.credit_command(survivor, 6))
    world.merge(retired, survivor)
    assert purses(world, survivor) == Purses(6, 354)
    assert_books_are_right(world)


@pytest.mark.parametrize(
    ("named", "taken"), [("[carried]", {"carried": -90}), ("[current_year]", {"person": -40})]
)
def test_a_policy_that_names_purses_takes_from_these(
    databases: Databases, named: str, taken: dict[str, int]
) -> None:
    text = policy_text().replace("overflow, prepay]", f"overflow, prepay]\n      purses: {named}")
    world = benefit_world(databases, text=text)
    person = enrolled(world, current_fen=40, carried_fen=90)
    # A region's word counts for policies that say nothing.
    settlement = billed(world, person, carried_first=named == "[current_year]")
    assert entries_of(settlement) == taken
    assert_books_are_right(world)


def test_a_statement_tells_both_purses_where_there_are_two(world: World) -> None:
    for current_fen, carried_fen, told in ((300, 50, TWO_PURSES), (300, 0, [])):
        person = enrolled(world, current_fen=current_fen, carried_fen=carried_fen)
        settled = billed(world, person)
        caller = parse_caller(AGENCY)
        statement = find_statement(world.queries, REGION, settled.settlement_id, caller)
        assert statement.account_carried_fen == carried_fen
        pairs = [
            (pair.label, pair.value)
            for block in sheet_of(statement, SIGNED).front
            if isinstance(block, Grid)
            for row in block.rows
            for pair in row
            if "历年" in pair.label
        ]
        assert pairs == told
        said = [each.zh for each in sentences_of(statement) if each.sentence_id == "AC4"]
        assert said == ["其中0.50元是历年结转的钱，历年账户还有0.00元。"] * bool(told)


def test_the_checker_finds_money_in_the_wrong_purse(world: World) -> None:
    person = enrolled(world, current_fen=300, carried_fen=50)
    standing = tables.person_standing
    with world.database.write() as connection:
        connection.execute(sa.update(standing).values(carried_fen=51))
    details = [each.detail for each in check_ledger(world.database).drifts]
    assert details == [
        "holds 299 fen, entries sum to 300",
        "holds 51 fen of earlier years, entries sum to 50",
    ], person
