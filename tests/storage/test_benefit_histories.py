"""Bills by `yibao-policy/2` settled and taken back in any order: the books stay right."""

import datetime as dt
import random

import pytest
from support.benefit_world import admit, at, benefit_world, policy_text, stay_bill
from support.databases import Databases
from support.settlement_books import kept_windows, kept_years
from support.settlement_world import World

from yibao_common.values.errors import RuleError
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.benefit.keeping import is_set

DAY = dt.timedelta(days=1)
FIRST = dt.date(2026, 12, 27)
# Divided windows, periods, kept amounts, counts of days: all that can be remembered.
ALL_WINDOWS = (
    policy_text(
        stay="{joins_transfers_within_days: 1}",
        year='{starts: "12-01", stay_over_new_year: split, deductible: once}\n  period: {days: 4}',
    )
    .replace(
        "  stays: {of: stay, in: year, care_groups: [inpatient]}",
        "  stays: {of: stay, in: year, per: [institution_level], care_groups: [inpatient]}\n"
        "  days: {of: day, in: month}",
    )
    .replace("      window: stay\n", "      window: stay\n      per: [institution]\n")
    .replace(
        "counters:\n",
        "counters:\n"
        "  spell:\n"
        "    window: period\n"
        "    limits: [P1.covered]\n"
        "    by: [count.days]\n"
        "    rows:\n"
        "      - when: {count.days: {from: 0}}\n"
        "        limit: 700_000\n",
    )
)
KEPT_AMOUNTS = policy_text(year="{stay_over_new_year: admission}").replace(
    "      window: stay\n", "      window: year\n      make_up: false\n"
)


def kept_numbers(world: World) -> dict[str, int]:
    """Returns every number that years and windows keep, but those that are set."""
    rows = [*kept_years(world).values(), *kept_windows(world).values()]
    return {name: value for row in rows for name, value in row.items() if not is_set(name)}


@pytest.mark.parametrize("text", [ALL_WINDOWS, KEPT_AMOUNTS], ids=["all", "kept"])
@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_settled_and_taken_back_nothing_falls_below_nothing(
    databases: Databases, text: str, seed: int
) -> None:
    chance = random.Random(seed)  # which bills there are is no secret
    world = benefit_world(databases, text=text)
    persons = world.enrol(2)
    day = FIRST
    at(world, day)
    visits = [(person, admit(world, person, day)) for person in persons]
    standing: list[str] = []
    for step in range(14):
        if chance.random() < 0.5:
            day += DAY
            at(world, day)
        if step == 8:
            retired, survivor = persons
            world.feed(world.insured(retired, merged_into=survivor), world.insured(survivor))
            visits = [each for each in visits if each[0] == survivor]
        if standing and chance.random() < 0.35:
            world.reverse(standing.pop(chance.randrange(len(standing))))
            continue
        person, visit = chance.choice(visits)
        amounts = [chance.randrange(1, 600_000) for _ in range(3)]
        charged = {
            1: dt.date(2026, 12, 27) + chance.randrange((day - dt.date(2026, 12, 26)).days) * DAY
        }
        bill = stay_bill(world, visit, day, *amounts, dates=charged, is_interim=True)
        try:
            standing.append(world.settle(visit, person, bill=bill).settlement_id)
        except RuleError as refusal:
            pytest.fail(f"step {step}: {refusal}")
        assert check_ledger(world.database).drifts == [], step
    chance.shuffle(standing)
    for settlement_id in standing:
        world.reverse(settlement_id)
    assert kept_numbers(world) == {}
    assert check_ledger(world.database).drifts == []
