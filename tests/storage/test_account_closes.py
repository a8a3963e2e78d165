"""Accounts of a year are closed: interest, once, and what was held is carried over (T-08)."""

import datetime as dt
import functools

import pytest
import sqlalchemy as sa
from support.account_closes import (
    COUNTERS,
    RULES,
    close_accounts,
    closed,
    closing_of,
    confirm,
    find,
    propose,
    run_all,
)
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.corrections import settle
from support.databases import Databases
from support.refusals import reason_of
from support.settlement_world import REGION, World
from support.years import JANUARY, YEAR, close

from yibao_settlement.rules.account_close.close import AccountCloseState, AccountSums
from yibao_settlement.rules.account_close.counters import Counters
from yibao_settlement.rules.account_close.interest import Earned
from yibao_settlement.storage import tables
from yibao_settlement.storage.account_close.tables import account_close, closed_account

LINES = (("A1", 1_000_000), ("B1", 500_000))
NEXT_JANUARY = dt.datetime(2028, 1, 10, 4, 0, tzinfo=dt.UTC)


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def held(world: World, person: str) -> tuple[int, int]:
    """Returns what an account holds, and what of it is of earlier years."""
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    return standing.balance_fen, standing.carried_fen


def year_of(world: World, person: str, year: int = YEAR) -> Earned:
    (told,) = closed(world, person, year)
    return told.closed.earned


def test_interest_is_carried_into_the_new_year_with_what_was_held(world: World) -> None:
    """3,000.00 of the year since 20 November: 42 days at 0.35 %. What comes in January waits."""
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    settle(world, person, *LINES, account_used=False)
    world.clock.now = JANUARY
    close(world)
    world.run(world.credit_command(person, 7_000))
    close_accounts(world)
    assert year_of(world, person) == (300_000, 0, 121, 0)
    assert held(world, person) == (307_121, 300_121)
    told = find(world)
    assert (told.close.state, told.refused_count) == (AccountCloseState.DONE, 0)
    assert told.sums == AccountSums(1, 1, 300_000, 121)
    (explained,) = closed(world, person)
    (span,) = explained.current_year_spans
    assert (span.rate_ppm, span.balance_sum_fen) == (3_500, 300_000 * 42)
    assert_books_are_right(world)


@pytest.mark.parametrize(
    ("book_on", "carried_days"),
    [("new_year", 300_121 * 365), ("posting", 300_000 * 365 + 121 * 356)],
)
def test_interest_earns_from_new_year_on_or_from_its_posting_as_the_region_says(
    world: World, book_on: str, carried_days: int
) -> None:
    """Of 2027 all is earlier years' money, though the ledger carried it over on 10 January."""
    rules = RULES.replace("book_on: new_year", f"book_on: {book_on}")
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    world.clock.now = JANUARY
    close(world)
    close_accounts(world, rules=rules)
    world.clock.now = NEXT_JANUARY
    close(world, 2027)
    close_accounts(world, 2027, rules=rules)
    (told,) = closed(world, person, 2027)
    assert sum(each.balance_sum_fen for each in told.carried_spans) == carried_days
    interest_fen = (2 * carried_days * 11_000 + 365_000_000) // (2 * 365_000_000)
    assert told.closed.earned == (0, 300_121, 0, interest_fen)
    assert held(world, person) == (300_121 + interest_fen,) * 2
    assert_books_are_right(world)


def test_nobody_without_interest_gets_a_posting_and_everybody_is_passed(world: World) -> None:
    persons = sorted(world.enrol(3))
    world.run(world.credit_command(persons[1], 1))
    world.clock.now = JANUARY
    close(world)
    close_accounts(world)
    assert find(world).sums == AccountSums(3, 0, 1, 0)
    assert [year_of(world, each) for each in persons] == [(0, 0, 0, 0), (1, 0, 0, 0), (0, 0, 0, 0)]
    with world.database.read() as connection:
        assert not connection.execute(
            sa.select(tables.entry).where(tables.entry.c.kind == 20)
        ).all()
    assert_books_are_right(world)


@pytest.mark.parametrize("is_merged_in_the_year", [True, False])
def test_what_a_merged_record_earned_goes_to_who_has_its_account(
    world: World, is_merged_in_the_year: bool
) -> None:
    retired, survivor = world.enrol(2)
    for each in (retired, survivor):
        world.run(world.credit_command(each, 300_000))
    if not is_merged_in_the_year:
        world.clock.now = JANUARY
    else:
        world.clock.now += dt.timedelta(days=10)
    world.merge(retired, survivor)
    world.clock.now = JANUARY
    close(world)
    close_accounts(world)
    told = {each.closed.person_id: each.closed for each in closed(world, survivor)}
    assert told.keys() == {retired, survivor}
    assert told[retired].owner_id == told[survivor].owner_id == survivor
    if is_merged_in_the_year:
        # 10 days, and 42 of its own with 32 of the other's.
        assert told[retired].earned == (0, 0, 29, 0)
        assert told[survivor].earned == (600_000, 0, 213, 0)
    else:
        assert told[retired].earned == told[survivor].earned == (300_000, 0, 121, 0)
    assert held(world, survivor) == (600_242, 600_242)
    assert held(world, retired) == (0, 0)
    assert_books_are_right(world)


def test_what_a_merged_record_claimed_counts_for_who_it_became(world: World) -> None:
    """A chain of three: bills stay with the first one's visits."""
    first, second, last, alone = world.enrol(4)
    settle(world, first, *LINES)
    world.merge(first, second)
    world.merge(second, last)
    world.clock.now = JANUARY
    close(world)
    close_accounts(world, rules=RULES + COUNTERS)
    counted = {
        told.closed.person_id: told.closed.counters
        for each in (last, alone)
        for told in closed(world, each)
    }
    assert counted[first] is counted[second] is None
    assert counted[last] == Counters("390", 156, 0)
    assert counted[alone] == Counters("390", 156, 1)


def test_a_bill_of_last_year_reversed_first_leaves_each_purse_its_money(world: World) -> None:
    """The account's first movement of 2027: what was left and what came back are carried over."""
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    bill = settle(world, person, *LINES, account_used=True)
    world.run(world.credit_command(person, 50_000))
    world.clock.now = JANUARY
    close(world)
    close_accounts(world)
    world.clock.now += dt.timedelta(days=30)
    world.reverse(bill)
    world.clock.now = NEXT_JANUARY
    close(world, 2027)
    close_accounts(world, 2027)
    made = year_of(world, person, 2027)
    assert (made.current_year_fen, made.carried_fen) == (0, 350_000 + 20)
    assert_books_are_right(world)


def test_an_account_that_cannot_be_read_holds_up_no_other_one(world: World) -> None:
    persons = sorted(world.enrol(3))
    for each in persons:
        world.run(world.credit_command(each, 300_000))
    world.clock.now = JANUARY
    close(world)
    standing = tables.person_standing
    of_second = standing.c.person_id == persons[1]
    with world.database.write() as connection:
        connection.execute(sa.update(standing).where(of_second).values(balance_fen=1))
    confirm(world, propose(world))
    closing = closing_of(world)
    (going_on,) = closing.going_on(REGION)
    for _ in range(4):
        done = closing.next_page(going_on, limit=2)
    assert (done.is_finished, done.is_idle) == (False, True)
    assert (find(world).sums.person_count, find(world).refused_count) == (2, 1)
    with world.database.write() as connection:
        connection.execute(sa.update(standing).where(of_second).values(balance_fen=300_000))
    run_all(world)
    assert find(world).sums == AccountSums(3, 3, 900_000, 363)
    assert find(world).refused_count == 0
    assert_books_are_right(world)


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_close_that_would_leave_money_out_is_never_told_as_done(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    world.clock.now = JANUARY
    close(world)
    confirm(world, propose(world))
    closing = closing_of(world)
    (going_on,) = closing.going_on(REGION)
    closing.next_page(going_on)
    with world.database.write() as connection:
        connection.execute(sa.update(tables.entry).values(amount_fen=tables.entry.c.amount_fen * 2))
    with pytest.raises(Exception, match="accounts held 600000 fen"):
        run_all(world)
    assert find(world).close.finish_time is None


def test_accounts_come_behind_the_statements_and_years_one_after_the_other(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    world.clock.now = JANUARY
    assert reason_of(lambda: propose(world)).name == "YEAR_NOT_TAKEN"
    close(world)
    first, second = propose(world), propose(world)
    for changes, reason in (
        ({"caller": "agency/999019/wang"}, "SAME_MAKER_AND_CHECKER"),
        ({"balance_fen": 1}, "ACCOUNT_CLOSE_STATE"),
        ({"person_count": 9}, "ACCOUNT_CLOSE_STATE"),
        ({"rules_version": "f" * 64}, "ACCOUNT_CLOSE_STATE"),
    ):
        assert reason_of(functools.partial(confirm, world, first, **changes)).name == reason
    confirm(world, first)
    assert reason_of(lambda: confirm(world, second)).name == "ACCOUNTS_CLOSED"
    assert reason_of(lambda: confirm(world, first)).name == "ACCOUNTS_CLOSED"
    assert reason_of(lambda: propose(world)).name == "ACCOUNTS_CLOSED"
    world.clock.now = NEXT_JANUARY
    close(world, 2027)
    # Those of 2026 are still being closed.
    assert reason_of(lambda: propose(world, 2027)).name == "YEAR_OUT_OF_ORDER"
    run_all(world)
    close_accounts(world, 2027)
    assert_books_are_right(world)


of_sqlite = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)


@of_sqlite
@pytest.mark.parametrize(
    ("change", "invariant"),
    [
        ({"current_year_interest_fen": 122}, "held and earned in its year"),
        ({"current_year_fen": 299_999}, "closed accounts of a year are all accounts"),
        ({"posting_id": None}, "interest was booked once"),
        ({"close_id": "01a00000-0000-7000-8000-000000000000"}, "approved rules come to"),
    ],
)
def test_the_checker_finds_a_closed_account_that_was_altered(
    world: World, change: dict[str, object], invariant: str
) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    world.clock.now = JANUARY
    close(world)
    close_accounts(world)
    with world.database.write() as connection:
        connection.execute(sa.update(closed_account).values(**change))
    with pytest.raises(AssertionError, match=invariant):
        assert_books_are_right(world)


@of_sqlite
def test_the_checker_finds_rules_that_nobody_approved(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    world.clock.now = JANUARY
    close(world)
    close_accounts(world)
    with world.database.write() as connection:
        other = RULES.replace("3_500", "3_600").encode()
        connection.execute(sa.update(account_close).values(rules_file=other))
    with pytest.raises(AssertionError, match="rules that are not those of their version"):
        assert_books_are_right(world)
