"""Facts of enrolment in bills by `yibao-policy/2`, on both databases."""

import datetime as dt

import pytest
from support.benefit_world import (
    admit,
    amounts,
    benefit_world,
    explained,
    policy_text,
    stay_bill,
    tried,
)
from support.charges import assert_books_are_right
from support.databases import Databases
from support.settlement_world import REGION, TODAY

from yibao_common.values.errors import RuleError
from yibao_settlement.rules.enrolment import RegisteredDisease

DAY = dt.timedelta(days=1)
BY_ENROLMENT = """\
format: yibao-policy/2
policy_id: facts
title: Facts of enrolment
title_zh: 参保信息
region: "{region}"
insurance_type: "390"
start_date: 2014-01-01
sources:
  page: {{title: 某文件, url: "https://example.cn/1"}}
windows:
  stay: {{facts: {facts}}}
steps:
  - classify:
      id: S1
      title: Classes
      title_zh: 目录类别
      rows:
        - shares: {{"01": 0, "02": 0, "03": own_cost}}
  - tiers:
      id: P1
      title: Pool
      title_zh: 统筹基金
      base: [eligible]
      fund_type: "390100"
      by: [tier, diseases, months_insured]
      rows:
        - when: {{tier: "2", diseases: "M01600", months_insured: {{from: 12}}}}
          brackets:
            - {{over_fen: 0, ratio_ppm: 900_000}}
        - when: otherwise
          brackets:
            - {{over_fen: 0, ratio_ppm: 500_000}}
"""


def test_a_policy_asks_for_years_without_a_claim_and_nobody_guesses_them(
    databases: Databases,
) -> None:
    asking = """
    by: [years_unclaimed]
    rows:
      - when: {years_unclaimed: {from: 4}}
        limit: 1_100_000
      - when: otherwise
        limit: 1_000_000
"""
    plain = "\n    rows:\n      - limit: 2_000_000\n"
    assert plain in policy_text()
    text = policy_text().replace(plain, asking)
    world = benefit_world(databases, text=text)
    limits = []
    for years in (3, 4):
        (person,) = world.enrol(years_unclaimed=years, start_date=dt.date(2026, 1, 1))
        visit = admit(world, person, TODAY)
        settled = world.settle(visit, person, bill=stay_bill(world, visit, TODAY, 9_000_000))
        limits.append(settled.fund_total_fen)
    assert limits == [1_000_000, 1_100_000]
    (untold,) = world.enrol(years_unclaimed=4, start_date=dt.date(2025, 1, 1))
    visit = admit(world, untold, TODAY)
    with pytest.raises(RuleError, match="FACT_MISSING"):
        world.settle(visit, untold, bill=stay_bill(world, visit, TODAY, 9_000_000))
    assert_books_are_right(world)


@pytest.mark.parametrize(("facts_of", "fund_fen"), [("discharge", 90_000), ("admission", 50_000)])
def test_facts_of_the_person_are_those_of_discharge_or_of_admission(
    databases: Databases, facts_of: str, fund_fen: int
) -> None:
    text = BY_ENROLMENT.format(region=REGION, facts=facts_of)
    world = benefit_world(databases, text=text)
    disease = RegisteredDisease("M01600", TODAY, None)
    (person,) = world.enrol(tier="2", insured_months_before=12, diseases=(disease,))
    visit = admit(world, person, TODAY - DAY)
    bill = stay_bill(world, visit, TODAY, 100_000)
    shown = tried(world, bill)
    settlement = world.settle(visit, person, bill=bill)
    assert amounts(shown) == amounts(settlement)
    assert settlement.fund_total_fen == fund_fen
    facts = settlement.facts
    assert (facts.tier, facts.months_insured > 12) == ("2", True)
    assert list(facts.diseases) == (["M01600"] if facts_of == "discharge" else [])
    assert explained(world, settlement.settlement_id)
    assert_books_are_right(world)
