"""Lines by their own charge day: refused one by one, or own cost; on both databases."""

import datetime as dt

import pytest
from support.charges import (
    ADMITTED,
    assert_books_are_right,
    carrying,
    charged,
    end_item,
    put_items,
    refusal,
)
from support.databases import Databases
from support.settlement_world import World

from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import (
    Approval,
    CatalogueItem,
    LevelPriceCeiling,
)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def test_lines_after_the_end_of_an_item_are_refused_and_the_others_are_paid(world: World) -> None:
    # Cases E7 and M2; rule T-30.
    end_item(world, "A1", ADMITTED.replace(day=10))
    (person,) = world.enrol()
    visit = world.register(person)
    lines = [
        charged("L1", yuan=9_000),
        charged("L2", yuan=500, charge_date=ADMITTED.replace(day=11)),
        charged("L3", "B1", charge_date=ADMITTED.replace(day=11)),
    ]
    settled = world.settle(visit, person, bill=carrying(world, visit, *lines))
    assert [line.line_id for line in settled.lines] == ["L1", "L3"]
    assert (settled.total_fen, settled.line_count) == (910_000, 0)
    assert settled.fund_total_fen + settled.account_fen + settled.cash_fen == 910_000
    (lost,) = settled.refused_lines
    assert (lost.line_id, lost.amount_fen) == ("L2", 50_000)
    assert lost.reason == "ERROR_REASON_CATALOGUE_ITEM_UNKNOWN"
    assert lost.message == "item A1 is not in the catalogue on 2026-11-11"
    assert lost.message_zh == Reason.CATALOGUE_ITEM_UNKNOWN.message_zh
    assert_books_are_right(world)
    # What was refused may be corrected and billed.
    put_items(world, CatalogueItem("A1", "甲类", "01", None, "", ADMITTED, None))
    assert world.settle(visit, person, bill=carrying(world, visit, lines[1])).total_fen == 50_000


def test_a_total_is_of_the_lines_as_sent(world: World) -> None:
    end_item(world, "A1", ADMITTED.replace(day=10))
    (person,) = world.enrol()
    visit = world.register(person)
    late = charged("L2", charge_date=ADMITTED.replace(day=11))
    bill = carrying(world, visit, charged("L1"), late)._replace(total_fen=10_000)
    error = refusal(lambda: world.settle(visit, person, bill=bill))
    # What would be refused by itself is told along.
    assert [(fault.field, fault.reason) for fault in error.faults] == [
        ("bill.total_fen", Reason.BILL_TOTAL_MISMATCH),
        ("bill.lines[1].item_code", Reason.CATALOGUE_ITEM_UNKNOWN),
    ]


def test_cover_that_ends_during_a_stay_leaves_the_days_after_it_to_the_person(
    world: World,
) -> None:
    # Case E9: cover ends on the 15th, discharge on the 20th, 12,000 before and 8,000 after.
    (person,) = world.enrol(end_date=ADMITTED.replace(day=15))
    visit = world.register(person)
    before = charged("L1", yuan=12_000, charge_date=ADMITTED.replace(day=15))
    after = charged("L2", yuan=8_000, charge_date=ADMITTED.replace(day=16))
    settled = world.settle(visit, person, bill=carrying(world, visit, before, after))
    assert (settled.eligible_fen, settled.excluded_fen) == (1_200_000, 800_000)
    assert [line.own_cost_reason for line in settled.lines] == [0, 1]
    alone = world.enrol()[0]
    stay = world.register(alone)
    whole = world.settle(stay, alone, bill=carrying(world, stay, before))
    assert settled.fund_total_fen == whole.fund_total_fen > 0
    assert settled.deductible_fen == whole.deductible_fen > 0
    assert_books_are_right(world)


def test_a_stay_without_any_covered_day_is_refused(world: World) -> None:
    (person,) = world.enrol(end_date=ADMITTED.replace(day=5))
    visit = world.register(person)
    bill = carrying(world, visit, charged("L1"))
    error = refusal(lambda: world.settle(visit, person, bill=bill))
    assert error.reason is Reason.PERSON_NOT_ENROLLED


def test_a_line_before_admission_or_after_discharge_is_refused_by_itself(world: World) -> None:
    # Case E12.
    (person,) = world.enrol()
    visit = world.register(person)
    early = charged("L1", charge_date=ADMITTED - dt.timedelta(days=1))
    late = charged("L2", charge_date=ADMITTED.replace(day=13))
    discharged = ADMITTED.replace(day=12)
    bill = carrying(world, visit, early, late, charged("L3"), service_date=discharged)
    settled = world.settle(visit, person, bill=bill)
    assert [line.line_id for line in settled.lines] == ["L3"]
    assert [(line.line_id, line.reason) for line in settled.refused_lines] == [
        ("L1", "ERROR_REASON_LINE_OUTSIDE_VISIT"),
        ("L2", "ERROR_REASON_LINE_OUTSIDE_VISIT"),
    ]


def test_what_is_above_the_ceiling_of_the_visits_level_is_the_persons(world: World) -> None:
    # Case M4; the hospital is of level 2.
    ceilings = (LevelPriceCeiling(("1", "3"), "95"), LevelPriceCeiling(("2",), "90"))
    since = dt.date(2014, 1, 1)
    put_items(
        world,
        CatalogueItem(
            *("A9", "检查", "01", None, "80", since, None), level_price_ceilings=ceilings
        ),
    )
    (person,) = world.enrol()
    visit = world.register(person)
    settled = world.settle(visit, person, bill=carrying(world, visit, charged("L1", "A9")))
    assert (settled.total_fen, settled.over_limit_fen) == (10_000, 1_000)
    assert_books_are_right(world)


def test_a_limited_use_that_is_not_approved_is_own_cost_and_says_so(world: World) -> None:
    since = dt.date(2014, 1, 1)
    put_items(
        world, CatalogueItem("A9", "限制用药", "01", None, "", since, None, is_limited_use=True)
    )
    (person,) = world.enrol()
    visit = world.register(person)
    approved = charged("L2", "A9", approval=Approval.APPROVED)
    settled = world.settle(
        visit, person, bill=carrying(world, visit, charged("L1", "A9"), approved)
    )
    assert [(line.excluded_fen, line.own_cost_reason) for line in settled.lines] == [
        (10_000, 2),
        (0, 0),
    ]
    assert_books_are_right(world)
