"""The regions that come with the program: whole, cited, and right to the fen."""

import itertools
import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from support.benefit_doubts_text import warnings_of
from support.contracts import ROOT
from support.region_bills import BUNDLES, DAY, REGIONS, bill_of, bills_of, policy_of

from yibao_cli.regions import Region
from yibao_common.values.errors import RuleError
from yibao_settlement.rules.benefit.adjudicate import adjudicate
from yibao_settlement.rules.benefit.bill import Bill, BillLine
from yibao_settlement.rules.benefit.doubts.doubt import DoubtKind
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.memory import NOTHING_YET
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.split import Split
from yibao_settlement.rules.benefit.steps import ClassifyStep, DeductibleStep, TiersStep
from yibao_settlement.rules.care_type import CARE_TYPES

CITIES = {
    "110000": "北京",
    "310000": "上海",
    "320300": "徐州",
    "330100": "杭州",
    "330200": "宁波",
    "340100": "合肥",
    "370481": "滕州",
    "440100": "广州",
    "500000": "重庆",
    "530100": "昆明",
}
OUTPATIENT, CHRONIC, INPATIENT, PHARMACY = "11", "14", "2101", "41"
BILLS = [(name, care_type) for name, region in REGIONS.items() for care_type in bills_of(region)]


def test_ten_regions_are_there() -> None:
    assert BUNDLES.keys() == CITIES.keys()


@pytest.mark.parametrize("name", BUNDLES)
def test_a_policy_is_that_of_its_folder(name: str) -> None:
    region, policy = REGIONS[name], policy_of(REGIONS[name])
    assert region.region == policy.region == name
    assert policy.title_zh
    assert policy.end_date is None
    assert (policy.start_date.month, policy.start_date.day) == (1, 1)
    for bill in bills_of(region).values():
        assert bill.person.insurance_type == policy.insurance_type
    assert CITIES[name] in str(clauses_of(policy))


def clauses_of(policy: BenefitPolicy) -> list[str]:
    """Returns the clause of every value of a policy, empty where it has none."""
    clauses = [value.clause for each in policy.parameters for value in each.values]
    for counter in policy.counters:
        clauses += [row.clause for row in counter.table.rows]
    for step in policy.steps:
        if isinstance(step, ClassifyStep | DeductibleStep | TiersStep):
            clauses += [row.clause for row in step.table.rows]
        else:
            clauses.append(step.clause)
        if isinstance(step, TiersStep):
            clauses += [row.clause for table in step.adjust for row in table.rows]
    return clauses


@pytest.mark.parametrize("name", REGIONS)
def test_every_value_cites_where_it_stands(name: str) -> None:
    assert all(clauses_of(policy_of(REGIONS[name])))


@pytest.mark.parametrize("name", REGIONS)
def test_what_is_assumed_says_so(name: str) -> None:
    for clause in clauses_of(policy_of(REGIONS[name])):
        source, _, told = clause.partition(": ")
        assert source != "假设（页面没有规定）" or told.startswith("假设：")


@pytest.mark.parametrize("name", BUNDLES)
def test_a_region_has_a_bill_of_each_kind(name: str) -> None:
    region = REGIONS[name]
    assert region.sample_bill.care_type == OUTPATIENT
    assert bills_of(region).keys() == {OUTPATIENT, CHRONIC, INPATIENT, PHARMACY}


def split_of(region: Region, care_type: str) -> Split:
    bill = bill_of(region, bills_of(region)[care_type])
    return adjudicate(policy_of(region), bill, NOTHING_YET)


@pytest.mark.parametrize(("name", "care_type"), BILLS)
def test_a_bill_costs_what_it_states(name: str, care_type: str) -> None:
    region = REGIONS[name]
    expected = bills_of(region)[care_type].expected
    split = split_of(region, care_type)
    sums = split.sums
    assert (sums.total_fen, sums.excluded_fen, sums.over_limit_fen, sums.first_self_pay_fen) == (
        expected.total_fen,
        expected.excluded_fen,
        expected.over_limit_fen,
        expected.first_self_pay_fen,
    )
    assert (sums.eligible_fen, sums.deductible_fen) == (
        expected.eligible_fen,
        expected.deductible_fen,
    )
    paid = [(each.step_id, each.payer, each.amount_fen) for each in split.payments()]
    assert [each for each in paid if each[2]] == [
        (each.step_id, each.fund_type, each.amount_fen) for each in expected.fund_payments
    ]
    assert (sums.fund_total_fen, sums.personal_fen, sums.account_fen, sums.cash_fen) == (
        expected.fund_total_fen,
        expected.personal_total_fen,
        expected.account_fen,
        expected.cash_fen,
    )


@pytest.mark.parametrize(("name", "care_type"), BILLS)
def test_a_fund_pays_for_care_and_not_in_a_pharmacy(name: str, care_type: str) -> None:
    sums = split_of(REGIONS[name], care_type).sums
    assert sums.fund_total_fen + sums.account_fen + sums.cash_fen == sums.total_fen
    if care_type == PHARMACY:
        assert sums.fund_total_fen == 0
    else:
        assert 0 < sums.fund_total_fen < sums.eligible_fen


def test_the_published_visit_is_as_published() -> None:
    vectors = ROOT / "tests" / "vectors" / "worked_examples.json"
    examples = json.loads(vectors.read_text(encoding="utf-8"))
    (published,) = [each for each in examples if each["id"] == "WE-075"]
    bill = REGIONS["110000"].sample_bill
    assert bill.example == "WE-075"
    assert bill.source_url == published["source"]["url"]
    expected = {name: int(Decimal(yuan) * 100) for name, yuan in published["expected"].items()}
    sums = split_of(REGIONS["110000"], OUTPATIENT).sums
    assert expected == {
        "act_pay_dedc": sums.deductible_fen,
        "hifp_pay": sums.fund_total_fen,
        "psn_part_amt": sums.personal_fen,
    }
    assert sums.total_fen == int(Decimal(published["inputs"]["medfee_sumamt"]) * 100)


def every_kind_of_bill(policy: BenefitPolicy) -> Iterator[Facts]:
    classes = ("11", "12") if policy.insurance_type == "310" else ("15", "16", "1402")
    levels = [str(level) for level in range(1, 15)]
    care_types = (OUTPATIENT, "13", CHRONIC, INPATIENT, "22", "28", PHARMACY)
    ages, groups = (0, 69, 70), ((), ("60",), ("2303",))
    for care_type, person_class, level, age, entitled in itertools.product(
        care_types, classes, levels, ages, groups
    ):
        yield Facts(
            care_type=care_type,
            institution_level=level,
            person_class=person_class,
            entitlement_groups=frozenset(entitled),
            age=age,
        )


@pytest.mark.parametrize("name", BUNDLES)
def test_every_kind_of_bill_is_settled(name: str) -> None:
    policy = policy_of(REGIONS[name])
    lines = (BillLine("1", 80_000_000, "01"), BillLine("2", 10_000, "03"))
    for facts in every_kind_of_bill(policy):
        split = adjudicate(policy, Bill("V1", DAY, lines, facts), NOTHING_YET)
        sums = split.sums
        assert sums.fund_total_fen + sums.cash_fen == sums.total_fen == 80_010_000
        assert sums.cash_fen > 10_000
        assert (sums.fund_total_fen == 0) == (facts.care_type == PHARMACY)


# The care types that each region's file names; its sources speak of no others.
SETTLED = {
    *("11", "12", "13", "1301", CHRONIC, PHARMACY),
    *("21", INPATIENT, "2102", "2105", "2109", "21303", "22", "23", "24", "28"),
}
ADMISSIONS = SETTLED - {"11", "12", "13", "1301", CHRONIC, PHARMACY, "28"}


@pytest.mark.parametrize("care_type", CARE_TYPES)
@pytest.mark.parametrize("name", REGIONS)
def test_care_that_no_source_speaks_of_is_refused(name: str, care_type: str) -> None:
    """Above all a delivery (52) is never paid by the terms of outpatients."""
    policy = policy_of(REGIONS[name])
    person_class = REGIONS[name].sample_bill.person.person_class
    facts = Facts(care_type=care_type, institution_level="2", person_class=person_class, age=30)
    bill = Bill("V1", DAY, (BillLine("1", 1_000_000, "01"),), facts)
    try:
        adjudicate(policy, bill, NOTHING_YET)
    except RuleError as refusal:
        key = refusal.metadata["key"]
        is_refused = refusal.metadata["step_id"] == "S1"
        assert f"care_group=none (care_type {care_type})" in key or not is_refused
    else:
        is_refused = False
    assert is_refused == (care_type not in (SETTLED if name in BUNDLES else ADMISSIONS))


@pytest.mark.parametrize("name", REGIONS)
def test_a_policy_settles_no_care_that_it_does_not_name(name: str) -> None:
    found = warnings_of(REGIONS[name].policy_file)
    assert [each for each in found if each.kind is DoubtKind.UNNAMED_CARE] == []
