"""Benefit years are closed, and closing statements never change (H11, T-08)."""

import datetime as dt
import json

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world, stay_bill
from support.charges import assert_books_are_right
from support.corrections import charged, correct, record_of, settle
from support.databases import Databases
from support.settlement_world import AGENCY, HOSPITAL, OTHER_HOSPITAL, REGION, World
from support.years import (
    JANUARY,
    YEAR,
    close,
    confirm,
    confirm_command,
    find,
    propose,
    settle_late,
    statements_of,
    take_all,
    told,
    years_of,
)

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.year.close import ProposeYearClose
from yibao_settlement.application.year.find import ChangeKind, StatementPage
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.rules.year.close import YearCounts, YearState
from yibao_settlement.rules.year.statement import YearStatement
from yibao_settlement.servicer.year import year_confirmed, year_proposed
from yibao_settlement.storage import tables

LINES = (("A1", 1_000_000), ("B1", 500_000))


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def statement_of(world: World, person: str) -> YearStatement:
    (found,) = told(world, person)
    assert found.statement is not None
    return found.statement


def stored(world: World) -> list[tuple[object, ...]]:
    """Returns every statement as it is stored."""
    with world.database.read() as connection:
        query = sa.select(tables.year_statement).order_by(tables.year_statement.c.number)
        return [tuple(row) for row in connection.execute(query)]


def refused(world: World, *, year: int = YEAR) -> RuleError:
    with pytest.raises(RuleError) as refusal:
        propose(world, year)
    return refusal.value


def test_a_statement_tells_what_the_bills_of_the_year_came_to(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 100_000))
    bills = [settle(world, person, *LINES, account_used=True) for _ in range(2)]
    records = [record_of(world, each) for each in bills]
    world.clock.now = JANUARY
    year = close(world)
    assert (year.person_count, year.bill_count, year.total_fen) == (1, 2, 3_000_000)
    statement = statement_of(world, person)
    assert [mark.settlement_id for mark in statement.bills] == sorted(bills)
    sums = statement.sums
    assert (sums.bill_count, sums.total_fen) == (2, 3_000_000)
    assert sums.effective == sums.counter
    assert sums.effective.fund_fen == sum(each.fund_total_fen for each in records) > 0
    assert sums.effective.account_fen == 100_000
    assert sums.effective.cash_fen == sum(each.cash_fen for each in records)
    windows = dict(statement.windows)
    assert windows
    assert windows == {
        name: value
        for name, value in world.queries.standing(REGION, person).accumulators.items()  # type: ignore[union-attr]
        if value
    }
    assert statement.take_time == JANUARY
    assert_books_are_right(world)


def test_money_of_the_year_that_was_not_used_is_carried_forward_unchanged(world: World) -> None:
    """T-08: the account's balance at the end of the year, whatever moves before the closing."""
    (person,) = world.enrol()
    world.run(world.credit_command(person, 300_000))
    settle(world, person, *LINES, account_used=False)
    world.clock.now = JANUARY
    world.run(world.credit_command(person, 7_000))
    close(world)
    assert statement_of(world, person).account_balance_fen == 300_000
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert (standing.balance_fen, standing.carried_fen) == (307_000, 300_000)
    assert_books_are_right(world)


def test_a_later_reversal_stands_beside_the_statement(world: World) -> None:
    (person,) = world.enrol()
    first, second = (
        settle(world, person, *LINES, institution=each) for each in (HOSPITAL, OTHER_HOSPITAL)
    )
    world.clock.now = JANUARY
    close(world)
    before, taken = stored(world), statement_of(world, person)
    world.reverse(first)
    (now,) = told(world, person)
    assert stored(world) == before
    assert now.statement == taken
    assert now.sums == taken.sums.plus(now.between)
    assert [(each.settlement_id, each.kind) for each in now.changes] == sorted(
        [(first, ChangeKind.REVERSED), (second, ChangeKind.MOVED)]
    )
    record = record_of(world, second)
    assert now.sums.effective.fund_fen == record.effective.fund_total_fen
    assert now.sums.counter.fund_fen == record.fund_total_fen
    assert now.sums.difference_fen == record.cash_fen - record.effective.cash_fen != 0
    assert now.windows != taken.windows
    assert_books_are_right(world)


def test_a_late_bill_a_refund_and_a_correction_stand_beside_it(world: World) -> None:
    (person,) = world.enrol()
    first, second = (settle(world, person, *LINES) for _ in range(2))
    world.clock.now = JANUARY
    close(world)
    before, taken = stored(world), statement_of(world, person)
    world.refund(first, AskedReturn(1))
    correct(world, second, charged(("C1", 900_000)))
    late = settle_late(world, person, *LINES)
    assert record_of(world, late).benefit_year == YEAR
    (now,) = told(world, person)
    assert stored(world) == before
    kinds = {each.settlement_id: each.kind for each in now.changes}
    assert kinds[first] is ChangeKind.MOVED
    assert kinds[second] is ChangeKind.REVERSED
    assert kinds[late] is ChangeKind.SETTLED
    assert len(kinds) == 4
    assert now.sums == taken.sums.plus(now.between)
    assert_books_are_right(world)


def test_a_bill_of_the_year_that_follows_is_in_no_statement(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person, *LINES)
    world.clock.now = JANUARY
    visit = world.register(person, care_type="11", start_date=dt.date(2027, 1, 10))
    bill = world.bill(visit, service_date=dt.date(2027, 1, 10))
    world.settle(visit, person, bill=bill)
    close(world)
    statement = statement_of(world, person)
    assert (statement.sums.bill_count, len(statement.bills)) == (1, 1)
    assert refused(world, year=2027).reason is Reason.YEAR_NOT_OVER
    assert_books_are_right(world)


def test_a_stay_over_new_year_counts_for_one_year_and_uses_up_of_both(
    databases: Databases,
) -> None:
    """Its bill is of the year of its last day; its first leg finds the deductible of the other."""
    world = benefit_world(databases, year="{stay_over_new_year: split}")
    (person,) = world.enrol()
    world.clock.now = JANUARY - dt.timedelta(days=5)
    first, last = dt.date(2026, 12, 28), dt.date(2027, 1, 4)
    over = world.settle(
        visit := admit(world, person, first),
        person,
        bill=stay_bill(world, visit, last, 900_000, 300_000, dates={1: first, 2: last}),
    )
    world.clock.now = JANUARY
    of_year = settle_late(world, person, *LINES)
    close(world)
    statement = statement_of(world, person)
    marked = [mark.settlement_id for mark in statement.bills]
    assert marked == sorted([over.settlement_id, of_year])
    record = record_of(world, of_year)
    assert (statement.sums.bill_count, statement.sums.total_fen) == (1, record.total_fen)
    assert statement.sums.effective.fund_fen == record.fund_total_fen
    with world.database.read() as connection:
        kept = connection.execute(
            sa.select(tables.closed_year.c.accumulators).where(
                tables.closed_year.c.benefit_year == YEAR
            )
        ).scalar_one()
    assert dict(statement.windows) == json.loads(kept)
    assert_books_are_right(world)


def test_a_bill_that_had_left_before_is_in_no_statement(world: World) -> None:
    stays, leaves = world.enrol(2)
    settle(world, stays, *LINES)
    world.reverse(settle(world, leaves, *LINES))
    world.clock.now = JANUARY
    close(world)
    assert statement_of(world, stays).number == 1
    with pytest.raises(RuleError) as refusal:
        told(world, leaves)
    assert refusal.value.reason is Reason.YEAR_STATEMENT_NOT_FOUND
    # A late bill has the present alone.
    late = settle_late(world, leaves, *LINES)
    (now,) = told(world, leaves)
    assert now.statement is None
    assert [(each.settlement_id, each.kind) for each in now.changes] == [(late, ChangeKind.SETTLED)]
    assert now.sums == now.between
    assert_books_are_right(world)


def test_records_that_are_merged_keep_their_statements(world: World) -> None:
    early, late, survivor = world.enrol(3)
    world.merge(early, survivor)
    for each in (late, survivor):
        settle(world, each, *LINES)
    world.clock.now = JANUARY
    close(world)
    before = stored(world)
    world.merge(late, survivor)
    assert stored(world) == before
    found = told(world, survivor)
    assert found == told(world, late)
    assert sorted(each.person_id for each in found) == sorted([late, survivor])
    for one in found:
        assert one.statement is not None
        assert one.sums == one.statement.sums.plus(one.between)
    # Decided as one person's, the later bill costs the funds another amount.
    assert any(each.between.effective.fund_fen for each in found)
    assert_books_are_right(world)


def test_each_record_of_a_person_who_was_merged_before_has_a_statement(world: World) -> None:
    retired, survivor = world.enrol(2)
    bills = [settle(world, each, *LINES) for each in (retired, survivor)]
    world.merge(retired, survivor)
    world.clock.now = JANUARY
    close(world)
    found = {each.person_id: each for each in told(world, survivor)}
    for person, bill in zip((retired, survivor), bills, strict=True):
        statement = found[person].statement
        assert statement is not None
        assert [mark.settlement_id for mark in statement.bills] == [bill]
        assert not found[person].changes
    assert_books_are_right(world)


def test_years_are_closed_one_after_the_other_and_once(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person, *LINES)
    world.clock.now = dt.datetime(2026, 12, 31, 15, 59, 59, tzinfo=dt.UTC)
    goes_on = refused(world)
    assert goes_on.reason is Reason.YEAR_NOT_OVER
    assert goes_on.metadata["end_time"] == "2026-12-31T16:00:00+00:00"
    assert find(world).state is YearState.OPEN
    world.clock.now += dt.timedelta(seconds=1)
    assert find(world).state is YearState.OVER
    world.clock.now = dt.datetime(2028, 2, 1, tzinfo=dt.UTC)
    early = refused(world, year=2027)
    assert (early.reason, early.metadata["benefit_year"]) == (Reason.YEAR_OUT_OF_ORDER, "2026")
    one, other = propose(world), propose(world)
    assert find(world).state is YearState.PROPOSED
    confirm(world, one)
    assert find(world).state is YearState.CLOSED
    with pytest.raises(RuleError) as refusal:
        confirm(world, other)
    assert refusal.value.reason is Reason.YEAR_CLOSED
    again = refused(world)
    assert (again.reason, again.metadata["closed_through"]) == (Reason.YEAR_CLOSED, "2026")
    take_all(world)
    assert find(world).state is YearState.TAKEN
    # One without any bill is closed too.
    close(world, 2027)
    assert find(world, 2027).taking.statement_count == 0
    assert_books_are_right(world)


def test_another_operator_confirms_what_was_read(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person, *LINES)
    world.clock.now = JANUARY
    year = propose(world)
    with pytest.raises(RuleError) as refusal:
        confirm(world, year, caller=AGENCY)
    assert refusal.value.reason is Reason.SAME_MAKER_AND_CHECKER
    with pytest.raises(RuleError) as refusal:
        confirm(world, year, read=YearCounts(1, 1, 1))
    assert refusal.value.reason is Reason.YEAR_CLOSE_STATE
    assert refusal.value.metadata["total_fen"] == "1500000"
    year.close.close_id = new_id()
    with pytest.raises(RuleError) as refusal:
        confirm(world, year)
    assert refusal.value.reason is Reason.YEAR_CLOSE_NOT_FOUND


def test_closing_a_year_twice_gets_the_same_bytes(world: World) -> None:
    world.clock.now = JANUARY
    years = years_of(world)
    asked = ProposeYearClose(world.request("ProposeYearClose", caller=AGENCY), YEAR)
    first = years.propose(asked, year_proposed)
    assert years.propose(asked, year_proposed) == first
    command = confirm_command(world, propose(world))
    answer = years.confirm(command, year_confirmed)
    take_all(world)
    assert years.confirm(command, year_confirmed) == answer


def test_bills_that_came_since_the_proposal_are_in_the_statement(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person, *LINES)
    world.clock.now = JANUARY
    year = propose(world)
    settle_late(world, person, *LINES)
    confirm(world, year)
    settle_late(world, person, *LINES)
    take_all(world)
    assert statement_of(world, person).sums.bill_count == 3
    assert_books_are_right(world)


def test_statements_are_listed_by_page_and_those_that_changed_alone(world: World) -> None:
    persons = sorted(world.enrol(4))
    bills = [settle(world, each, *LINES) for each in persons]
    world.clock.now = JANUARY
    close(world)
    (late,) = world.enrol()
    settle_late(world, late, *LINES)
    world.reverse(bills[2])
    world.clock.now += dt.timedelta(days=1)
    world.refund(bills[1], AskedReturn(1))
    page = listed(world, limit=3)
    assert [each.person_id for each in page.told] == persons[:3]
    rest = listed(world, limit=3, after=page.after)
    assert ([each.person_id for each in rest.told], rest.after) == (persons[3:], None)
    page = listed(world, limit=2, changed_only=True)
    rest = listed(world, limit=2, changed_only=True, after=page.after)
    found = [*page.told, *rest.told]
    assert [each.person_id for each in found] == sorted([persons[1], persons[2], late])
    assert all(each.changes for each in found)
    assert listed(world, year=2025, limit=2, changed_only=True).told == []


def listed(
    world: World,
    *,
    limit: int,
    after: str | None = None,
    changed_only: bool = False,
    year: int = YEAR,
) -> StatementPage:
    return statements_of(world).page(
        REGION, year, changed_only=changed_only, after=after, limit=limit
    )
