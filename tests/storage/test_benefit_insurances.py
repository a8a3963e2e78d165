"""Windows of `yibao-policy/2` where a person's insurance changes, on both databases."""

import datetime as dt

from support.benefit_world import admit, benefit_world, policy_text, put_policy, stay_bill
from support.databases import Databases
from support.settlement_world import REGION, TODAY

from yibao_settlement.ledger_check import check_ledger

_DAY = dt.timedelta(days=1)


def test_another_insurance_of_the_year_begins_with_windows_of_its_own(
    databases: Databases,
) -> None:
    world = benefit_world(databases)
    put_policy(world, policy_text().replace('"390"', '"310"'))
    changed = TODAY - 5 * _DAY
    (person,) = world.enrol(
        enrolments=(
            world.period(end_date=changed - _DAY),
            world.period(insurance_type="310", person_class="11", start_date=changed),
        )
    )
    (other,) = world.enrol(insurance_type="310", person_class="11")
    # The resident uses the limit of the year up.
    visit = admit(world, person, changed - 3 * _DAY)
    first = world.settle(visit, person, bill=stay_bill(world, visit, changed - _DAY, 9_000_000))
    assert first.insurance_type == "390"
    assert first.fund_total_fen > 0
    bills = []
    for each in (person, other):
        visit = admit(world, each, TODAY - 2 * _DAY)
        bills.append(world.settle(visit, each, bill=stay_bill(world, visit, TODAY, 600_000)))
    after, never = bills
    # As of an employee who never was anything else: first stay, nothing used up.
    assert after.insurance_type == "310"
    assert (after.deductible_fen, after.fund_total_fen) == (
        never.deductible_fen,
        never.fund_total_fen,
    )
    assert after.deductible_fen == 100_000
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    counts = {name: n for name, n in standing.accumulators.items() if "count.stays" in name}
    assert counts == {"390 year:2026 count.stays": 1, "310 year:2026 count.stays": 1}
    assert check_ledger(world.database).drifts == []
    # What is taken back is taken off its own insurance.
    world.reverse(first.settlement_id)
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert {name.split()[0] for name in standing.accumulators} == {"310"}
    assert check_ledger(world.database).drifts == []
