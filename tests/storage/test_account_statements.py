"""Statements of accounts by what the ledger holds of them."""

import datetime as dt

import pytest
from support.account_closes import close_accounts
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.corrections import charged, correct
from support.databases import Databases
from support.families import agree, giver, holding, settle
from support.settlement_world import HOSPITAL, NOW, REGION, World
from support.statements import SIGNED
from support.years import JANUARY, close

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account import find_account
from yibao_settlement.application.account_statement import find_account_statement
from yibao_settlement.application.credential import Viewer
from yibao_settlement.rules.account import NO_PURSES, Purses, purses_in
from yibao_settlement.rules.account_statement import AccountStatement
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.statement.account_form import account_sheet_of

AGENCY = Viewer(None)
FIRST_DAY = dt.date(NOW.year - 1, 1, 1)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def statement(
    world: World,
    person: str,
    viewer: Viewer = AGENCY,
    *,
    since: dt.date = FIRST_DAY,
    until: dt.date | None = None,
) -> AccountStatement:
    return find_account_statement(
        world.queries,
        REGION,
        person,
        viewer,
        start_date=since,
        end_date=until or shanghai_day(world.clock.now),
        now=world.clock.now,
    )


def assert_as_the_account(world: World, person: str) -> None:
    """A statement ends with what the account is told to hold."""
    found = find_account(world.queries, REGION, person, AGENCY, now=world.clock.now)
    year = shanghai_day(world.clock.now).year
    assert statement(world, person).closing == purses_in(found.standing, year)


def test_credits_bills_and_reversals_stand_in_it_with_their_bills(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 50_000))
    world.run(world.credit_command(person, 700, source="recharge"))
    visit = world.register(person)
    settled = world.settle(visit, person, bill=world.bill(visit, account_used=True))
    assert settled.account_fen == 50_700
    world.clock.now += dt.timedelta(minutes=1)
    world.reverse(settled.settlement_id)
    found = statement(world, person)
    assert [each.kind for each in found.movements] == [
        PostingKind.CREDIT,
        PostingKind.CREDIT,
        PostingKind.SETTLEMENT,
        PostingKind.REVERSAL,
    ]
    assert [each.credit_source for each in found.movements] == ["allocation", "recharge", "", ""]
    assert [each.amount_fen for each in found.movements] == [50_000, 700, -50_700, 50_700]
    for each in found.movements[2:]:
        assert each.bill is not None
        assert each.bill.settlement_id == settled.settlement_id
        assert (each.bill.institution_id, each.bill.bill_number) == (HOSPITAL, settled.bill_number)
        assert each.bill.institution_name
    assert (found.credited_fen, found.paid_fen, found.moved_fen) == (50_700, 0, 0)
    assert_as_the_account(world, person)
    assert_books_are_right(world)


def test_a_year_that_ended_is_carried_over_in_it_as_in_the_account(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 800))
    world.clock.now = NOW.replace(year=NOW.year + 1)
    assert_as_the_account(world, person)
    world.run(world.credit_command(person, 30))
    assert_as_the_account(world, person)
    kinds = [each.kind for each in statement(world, person).movements]
    assert kinds == [PostingKind.CREDIT, PostingKind.CARRY_OVER, PostingKind.CREDIT]


def test_interest_of_a_closed_year_stands_in_it_behind_what_was_carried_over(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    world.clock.now = JANUARY
    close(world)
    close_accounts(world)
    found = statement(world, person)
    assert [(each.kind, each.amount_fen) for each in found.movements] == [
        (PostingKind.CREDIT, 300_000),
        (PostingKind.CARRY_OVER, 0),
        (PostingKind.INTEREST, 121),
    ]
    assert (found.credited_fen, found.moved_fen) == (300_000, 121)
    assert "年度结息" in repr(account_sheet_of(found, SIGNED))
    assert_as_the_account(world, person)


def test_what_a_merge_moved_is_told_of_the_surviving_record(world: World) -> None:
    retired, survivor = world.enrol(2)
    world.run(world.credit_command(retired, 900))
    world.run(world.credit_command(survivor, 11))
    world.merge(retired, survivor)
    found = statement(world, survivor)
    assert (found.credited_fen, found.moved_fen) == (11, 900)
    with pytest.raises(RuleError) as caught:
        statement(world, retired)
    assert caught.value.reason is Reason.PERSON_MERGED
    # A holder asks by any of the own records.
    own = Viewer(None, survivor, frozenset({retired, survivor}))
    assert statement(world, retired, own) == statement(world, "", own) == found


def test_what_was_decided_again_is_told_with_its_bill(databases: Databases) -> None:
    world = benefit_world(databases)
    (person,) = world.enrol()
    world.run(world.credit_command(person, 5_000_000))
    bills = []
    for _ in range(2):
        visit = world.register(person)
        bill = world.bill(visit, account_used=True)
        bills.append(world.settle(visit, person, bill=bill).settlement_id)
    world.clock.now += dt.timedelta(minutes=1)
    world.reverse(bills[0])
    assert_as_the_account(world, person)
    found = statement(world, person)
    assert sum(each.amount_fen for each in found.movements) == found.closing.balance_fen


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (dt.date(2026, 11, 2), dt.date(2026, 11, 1)),
        (FIRST_DAY, dt.date(NOW.year + 1, 12, 31)),
    ],
)
def test_days_that_end_before_they_begin_or_lie_ahead_are_refused(
    world: World, since: dt.date, until: dt.date
) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 1))
    with pytest.raises(RuleError) as caught:
        statement(world, person, since=since, until=until)
    assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE
    assert [each.field for each in caught.value.faults] == ["end_date"]


def test_nobody_is_told_of_another_persons_account(world: World) -> None:
    one, other = world.enrol(2)
    for person in (one, other):
        world.run(world.credit_command(person, 5))
    with pytest.raises(RuleError) as caught:
        statement(world, other, Viewer(None, one, frozenset({one})))
    assert caught.value.reason is Reason.OUT_OF_SCOPE
    with pytest.raises(RuleError) as missing:
        statement(world, "")
    assert missing.value.reason is Reason.FIELD_REQUIRED


def test_no_line_of_a_statement_takes_what_is_not_there(world: World) -> None:
    """A relative pays, the bill is corrected, and the year after it is reversed."""
    own, sharer = holding(world, 1_000), holding(world, 10_000)
    agree(world, own, giver(sharer))
    settled = settle(world, own, ("A1", 4_000))
    world.clock.now += dt.timedelta(minutes=1)
    corrected = correct(world, settled, charged(("A1", 3_000))).settlement.settlement_id
    world.clock.now = JANUARY
    world.reverse(corrected)
    for person in (own, sharer):
        held = NO_PURSES
        for each in statement(world, person).movements:
            held = Purses(*map(sum, zip(held, each.change, strict=True)))
            assert min(held) >= 0, (each.kind, held)
    before = statement(world, own, until=dt.date(JANUARY.year, 1, 1))
    assert before.closing == NO_PURSES
