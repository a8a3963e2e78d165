"""Years of bills under the policies of the regions cost the same by two evaluators."""

import datetime as dt
import random

import pytest
import yaml
from support.benefit_examples import Json, Person
from support.benefit_oracle.history import History
from support.region_bills import BUNDLES, policy_of

from yibao_settlement.rules.benefit.bill import Balances

BILLS = 40
BEGIN = dt.date(2024, 5, 1)


def year_of_bills(insurance_type: str, seed: int) -> list[Json]:
    """Returns bills of one person, some of one visit, over 14 months."""
    choose = random.Random(seed)
    person_class = choose.choice(["11", "12"] if insurance_type == "310" else ["15", "16"])
    person: Json = {
        "person_class": person_class,
        "age": choose.choice([40, 69, 70]),
        "entitlement_groups": choose.choice([[], ["60"], ["2303"]]),
    }
    bills: list[Json] = []
    for number in range(BILLS):
        care_type = choose.choice(["11", "11", "14", "2101", "2101", "41"])
        facts = {
            **person,
            "care_type": care_type,
            "institution_level": choose.choice(["2", "3", "5", "8", "11"]),
        }
        bill: Json = {
            "date": BEGIN + dt.timedelta(days=10 * number),
            "visit": f"V{number}",
            "facts": facts,
            "use_account": insurance_type == "310" and choose.random() < 0.3,
            "lines": [
                {
                    "class": "01",
                    "fen": choose.randrange(50_000_000 if care_type > "2" else 900_000),
                },
                {"class": "02", "fen": choose.randrange(100_000), "share_ppm": 100_000},
                {"class": "03", "fen": choose.randrange(10_000)},
            ],
        }
        bills.append(bill)
        if choose.random() < 0.2:
            bills.append({**bill, "date": bill["date"] + dt.timedelta(days=3)})
    return bills


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", BUNDLES)
def test_a_year_of_bills_costs_the_same_by_both(name: str, seed: int) -> None:
    region = BUNDLES[name]
    policy = policy_of(region)
    purses = {"current_year": 50_000, "carried": 200_000, "family": 0}
    history = History(yaml.safe_load(region.policy_file), purses)
    person = Person(policy, Balances(*purses.values()))
    paid = 0
    for bill in year_of_bills(policy.insurance_type, seed):
        names = person.names(person.settle(bill))
        # By group the engine knows what the policy names alone.
        expected = {k: v for k, v in history.settle(bill).amounts.items() if k in names}
        assert expected.keys() >= {"cash", "account", "deductible", "fund_total", "P2.paid"}
        assert {each: names[each] for each in expected} == expected
        paid += names["fund_total"]
    assert paid
