"""Stays by `yibao-policy/2` that go on elsewhere, and bills of days that are none."""

import datetime as dt

import pytest
from support.benefit_world import admit, benefit_world, stay_bill
from support.databases import Databases
from support.settlement_world import HOSPITAL, REGION, TODAY

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.ledger_check import check_ledger

DAY = dt.timedelta(days=1)


def test_a_stay_that_goes_on_elsewhere_stays_one_when_its_first_bill_is_taken_back(
    databases: Databases,
) -> None:
    world = benefit_world(databases, stay="{joins_transfers_within_days: 1}")
    (person,) = world.enrol()
    first = admit(world, person, TODAY - 6 * DAY)
    of_first = stay_bill(world, first, TODAY - 4 * DAY, 300_000)
    taken_back = world.settle(first, person, bill=of_first)
    second = admit(world, person, TODAY - 3 * DAY, transfer_from_visit_id=first)
    bills = [stay_bill(world, second, TODAY, 200_000 + fen) for fen in range(3)]
    settled = world.settle(second, person, bill=bills[0])
    deductibles = [settled.deductible_fen]
    # By now the second stay has ended too, and would not keep the first one ended.
    world.reverse(taken_back.settlement_id)
    # Nor is the day told otherwise: what continues it was admitted after it.
    for day in (TODAY - 6 * DAY, TODAY):
        with pytest.raises(RuleError) as caught:
            world.run(world.discharge_command(first, end_date=day))
        assert caught.value.reason is Reason.DISCHARGE_DATE_INVALID, day
    world.run(world.discharge_command(first, end_date=TODAY - 4 * DAY))
    for visit, bill in ((second, bills[1]), (first, of_first), (second, bills[2])):
        deductibles.append(world.settle(visit, person, bill=bill).deductible_fen)
    # One deductible of one stay, by the first bill that it has left: which had none as long as
    # there was one before it.
    assert deductibles == [0, 0, 0, 0]
    now = world.queries.settlement(REGION, settled.settlement_id)
    assert now is not None
    assert now.effective.deductible_fen == 100_000
    assert check_ledger(world.database).drifts == []


@pytest.mark.parametrize("day", [dt.date(9999, 12, 31), dt.date(9999, 11, 30), dt.date(1, 1, 1)])
def test_a_bill_of_a_day_that_is_none_is_refused_alone(databases: Databases, day: dt.date) -> None:
    world = benefit_world(databases, year="{stay_over_new_year: split}")
    person, other = world.enrol(2)
    visit, its = admit(world, person, TODAY), admit(world, other, TODAY)
    wrong = stay_bill(world, visit, day, 100)
    outcomes = world.work(
        REGION,
        [world.settle_command(visit, person, bill=wrong), world.settle_command(its, other)],
    )
    assert isinstance(outcomes[0], RuleError)
    assert outcomes[0].reason is Reason.SERVICE_DATE_INVALID
    assert isinstance(outcomes[1], bytes)
    with pytest.raises(RuleError) as caught:
        trial(world.queries, REGION, wrong, institution_id=HOSPITAL, now=world.clock.now)
    assert caught.value.reason is Reason.SERVICE_DATE_INVALID
