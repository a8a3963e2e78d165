"""What an institution did for persons of other regions is told as those regions see it."""

import datetime as dt
import functools

import pytest
from support.benefit_world import admit, benefit_world
from support.databases import Databases
from support.declared_months.desk import Desk
from support.delayed import NEXT_DAY
from support.refusals import reason_of
from support.settlement_parts import transactions_of
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao_common.values.reasons import Reason
from yibao_settlement.application.day.find import Days
from yibao_settlement.application.treatment import MOST_DAYS, Treatment
from yibao_settlement.rules.declaration.month import MonthOf
from yibao_settlement.rules.visit import Institution

# Where the hospital lies and has its agreement; its persons of REGION are from elsewhere.
TREATMENT_REGION, THIRD_REGION = "999029", "999039"
LATER = NEXT_DAY + dt.timedelta(hours=1)


def treatment_of(world: World) -> tuple[Treatment, Days]:
    transactions = transactions_of(world.database, clock=world.clock)
    hospital = Institution(HOSPITAL, "异地医院", "3", True, dt.date(2020, 1, 1), None)
    transactions.change(TREATMENT_REGION, lambda work: work.catalogue.put_institutions([hospital]))
    days = Days(transactions, clock=world.clock)
    regions = (THIRD_REGION, TREATMENT_REGION, REGION)
    return Treatment(transactions, days, regions=regions), days


def settle(world: World, count: int) -> None:
    for person in world.enrol(count):
        visit = admit(world, person, TODAY)
        world.run(world.discharge_command(visit))
        world.run(world.settle_command(visit, person, bill=world.bill(visit)))


def test_both_agencies_see_the_same_figures(databases: Databases) -> None:
    world = benefit_world(databases)
    treatment, days = treatment_of(world)
    settle(world, 3)
    world.clock.now = LATER
    snapshot_time, told = treatment.totals(TREATMENT_REGION, HOSPITAL, TODAY, TODAY, None)
    seen = days.totals(REGION, HOSPITAL, TODAY, snapshot_time)
    assert seen.total.counts == (3, 0, 0, 0)
    assert told == [(REGION, seen)]
    # By the same snapshot the answer is the same, also once more was settled.
    settle(world, 1)
    _, again = treatment.totals(TREATMENT_REGION, HOSPITAL, TODAY, TODAY, snapshot_time)
    assert again == told


def test_a_month_declared_to_one_region_is_told_at_the_place_of_treatment(
    databases: Databases,
) -> None:
    world = benefit_world(databases)
    treatment, _ = treatment_of(world)
    settle(world, 1)
    world.clock.now = LATER
    desk = Desk(world)
    (sum_,) = desk.reads.month(REGION, HOSPITAL, 202611).sums
    of = MonthOf(HOSPITAL, 202611, sum_.insurance_type, sum_.clearing_type)
    declared = desk.declare(of, sum_.sums, dict(sum_.funds))
    (found,) = treatment.declarations(TREATMENT_REGION, HOSPITAL, 202611)
    assert (found.region, found.declaration_id) == (REGION, declared.declaration_id)
    assert not treatment.declarations(TREATMENT_REGION, HOSPITAL, 202610)


def test_who_has_no_agreement_with_an_institution_is_told_nothing(databases: Databases) -> None:
    world = benefit_world(databases)
    treatment, _ = treatment_of(world)
    for region, institution_id in ((THIRD_REGION, HOSPITAL), (TREATMENT_REGION, OTHER_HOSPITAL)):
        whose = (region, institution_id)
        for ask in (
            functools.partial(treatment.totals, *whose, TODAY, TODAY, None),
            functools.partial(treatment.declarations, *whose, 202611),
        ):
            assert reason_of(ask) is Reason.INSTITUTION_NOT_DESIGNATED


@pytest.mark.parametrize(
    ("days", "is_told"), [(-1, False), (0, True), (MOST_DAYS - 1, True), (MOST_DAYS, False)]
)
def test_a_month_of_days_is_told_at_once_and_no_more(
    databases: Databases, days: int, is_told: bool
) -> None:
    world = benefit_world(databases)
    treatment, _ = treatment_of(world)
    last = TODAY + dt.timedelta(days=days)

    def ask() -> None:
        treatment.totals(TREATMENT_REGION, HOSPITAL, TODAY, last, None)

    if is_told:
        ask()
    else:
        assert reason_of(ask) is Reason.FIELD_OUT_OF_RANGE
