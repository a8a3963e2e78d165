"""A bill of which lines are returned whole costs what it would had it never had them."""

import datetime as dt
import json
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, at, policy_text, stay_bill
from support.charges import assert_books_are_right
from support.corrections import record_of
from support.databases import Databases, as_owner
from support.settlement_world import REGION, World

from yibao_settlement.application.settlement.record import Effective
from yibao_settlement.application.settlement.revaluing import revalue
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules import refund
from yibao_settlement.rules.bill import LineParticulars
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables

ADMISSION, DISCHARGE = dt.date(2026, 12, 20), dt.date(2027, 1, 9)
OLD, OLDER, NEW = dt.date(2026, 12, 31), dt.date(2026, 12, 22), dt.date(2027, 1, 2)
# Amounts of lines with their days: the one without is of the bill's.
LINES = ((2_000_000, OLDER), (1_500_000, OLD), (900_000, NEW), (700_001, None))
SPLIT = policy_text(year="{stay_over_new_year: split}")
AGAIN = policy_text(year="{stay_over_new_year: split, deductible: again}")
PERIODS = (
    policy_text()
    .replace("  year: {}\n", "  year: {}\n  period: {days: 7}\n")
    .replace("base: [eligible]\n      window: stay\n", "base: [eligible]\n      window: period\n")
)
POLICIES = {"split": SPLIT, "again": AGAIN, "periods": PERIODS, "first": ""}


@pytest.fixture(params=POLICIES)
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region whose bills are cut at New Year or into periods, or of the first format."""
    database = databases.open("yibao_settlement")
    text = POLICIES[request.param]
    return World(database, policy_file=text.encode()) if text else World(database)


def settle(world: World, person: str, *numbers: int) -> str:
    """Settles a stay over New Year with some of the lines, each once."""
    at(world, ADMISSION)
    visit = admit(world, person, ADMISSION)
    at(world, DISCHARGE)
    world.run(world.discharge_command(visit, end_date=DISCHARGE))
    lines = [LINES[number - 1] for number in numbers]
    dates = {at: day for at, (_, day) in enumerate(lines, 1) if day is not None}
    bill = stay_bill(world, visit, DISCHARGE, *(fen for fen, _ in lines), dates=dates)
    return world.settle(visit, person, bill=bill).settlement_id


def settle_next(world: World, person: str) -> str:
    """Settles what comes after: it finds what the first bill left of years and windows."""
    day = DISCHARGE + dt.timedelta(days=20)
    at(world, day)
    visit = admit(world, person, day)
    world.run(world.discharge_command(visit, end_date=day))
    return world.settle(visit, person, bill=stay_bill(world, visit, day, 800_000)).settlement_id


def costs(world: World, settlement_id: str, column: Effective) -> dict[str, Any]:
    """Returns what a column comes to, whosever stay it is."""
    stay_id = record_of(world, settlement_id).visit_id
    used = {name.replace(stay_id, "stay"): fen for name, fen in column.accumulations.items() if fen}
    return {
        "funds": [(each.step_id, each.amount_fen) for each in column.fund_payments],
        "others": [(each.step_id, each.amount_fen) for each in column.other_payments],
        "deductible": column.deductible_fen,
        "account": column.account_fen,
        "cash": column.cash_fen,
        "used": used,
    }


GONE = ((1, 2), (1,), (2,), (3,), (4,), (3, 4), (1, 4), (1, 2, 3, 4))


@pytest.mark.parametrize("gone", GONE, ids=str)
def test_what_is_left_costs_what_a_bill_without_these_lines_does(
    world: World, gone: tuple[int, ...]
) -> None:
    one, other = world.enrol(2)
    early = settle(world, one, 1, 2, 3, 4)
    late = settle_next(world, one)
    left = [number for number in range(1, 5) if number not in gone]
    # One refund for each line: what the first one left is decided anew as well.
    for number in gone:
        world.refund(early, AskedReturn(number))
    assert_books_are_right(world)
    record = record_of(world, early)
    assert record.total_fen == sum(LINES[number - 1][0] for number in left)
    if not left:
        assert not any(record.effective.accumulations.values())
        return
    without = settle(world, other, *left)
    later = settle_next(world, other)
    expected = record_of(world, without)
    for column in ("counter", "effective"):
        found = costs(world, early, getattr(record, column))
        assert found == costs(world, without, getattr(expected, column))
    assert costs(world, late, record_of(world, late).effective) == costs(
        world, later, record_of(world, later).effective
    )


def as_before_it_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has lines returned as they were before it was kept which are gone."""
    left = refund._left

    def unmarked(*given: Any) -> refund.LinesLeft:
        made = left(*given)
        own = [each and each._replace(is_gone=False) for each in made.particulars]
        return made._replace(particulars=tuple(own))

    monkeypatch.setattr(refund, "_left", unmarked)


def test_what_was_returned_before_it_was_kept_stays_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (person,) = world.enrol()
    early = settle(world, person, 1, 2, 3, 4)
    settle_next(world, person)
    with monkeypatch.context() as patched:
        as_before_it_was_kept(patched)
        world.refund(early, AskedReturn(3))
        world.refund(early, AskedReturn(4))
    before = record_of(world, early)
    assert [own and own.is_gone for own in before.particulars[2:]] == [False, False]
    assert_books_are_right(world)
    # What is returned from now on is gone, beside what was returned then.
    world.refund(early, AskedReturn(1))
    by_now = record_of(world, early)
    assert [own is not None and own.is_gone for own in by_now.particulars] == [
        *(True, False, False, False),
    ]
    assert_books_are_right(world)


def test_a_line_that_is_gone_stays_so_whatever_day_it_is_valued_by(world: World) -> None:
    (person,) = world.enrol()
    early = settle(world, person, 1, 2, 3, 4)
    world.refund(early, AskedReturn(3), AskedReturn(4))
    record = record_of(world, early)
    reference = world.queries.reference(REGION, {line.item_code for line in record.lines})
    level = record.facts.institution_level
    valued = revalue(record, reference, day=record.service_date, institution_level=level).record
    gone = [own is not None and own.is_gone for own in valued.particulars]
    assert gone == [False, False, True, True]
    # Of a bill of which nothing is gone, nothing is told.
    other = record_of(world, settle_next(world, person))
    level = other.facts.institution_level
    valued = revalue(other, reference, day=other.service_date, institution_level=level).record
    assert valued.particulars == ()


def test_the_checker_finds_a_line_that_is_not_gone_and_said_to_be(world: World) -> None:
    (person,) = world.enrol()
    at(world, ADMISSION)
    visit = admit(world, person, ADMISSION)
    at(world, DISCHARGE)
    world.run(world.discharge_command(visit, end_date=DISCHARGE))
    bill = stay_bill(world, visit, DISCHARGE, 2_000_000, 600_000, dates={1: OLD})
    lines = [line._replace(quantity="2", unit_price="3000.00") for line in bill.lines[1:]]
    bill = bill._replace(lines=(bill.lines[0], *lines))
    early = world.settle(visit, person, bill=bill).settlement_id
    world.refund(early, AskedReturn(2, quantity="1"))
    assert_books_are_right(world)
    stored = tables.refund.c.lines
    with as_owner(world.database) as connection:
        told = json.loads(connection.execute(sa.select(stored)).scalar_one())
        particulars, is_gone = told[1][-1], LineParticulars._fields.index("is_gone")
        assert particulars[is_gone] is False
        particulars[is_gone] = True
        connection.execute(sa.update(tables.refund).values(lines=json.dumps(told)))
    found = {INVARIANTS.index(each.invariant) for each in check_ledger(world.database).drifts}
    assert 4 in found
