"""Every value that the sources of a region give, seen in what a bill costs under its policy.

Amounts are in yuan, worked by hand from the sources.
"""

import datetime as dt
from decimal import Decimal
from typing import NamedTuple

import pytest
from support.benefit_examples import Json, Person
from support.region_bills import REGIONS, policy_of

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

ACTIVE, RETIRED, RESIDENT = "11", "12", "15"
LEVEL_3, LEVEL_2, LEVEL_1, COMMUNITY = "2", "5", "8", "11"


class Care(NamedTuple):
    """A bill of its own visit: care, place and person."""

    yuan: int
    level: str = LEVEL_3
    person_class: str = ACTIVE
    care_type: str = "2101"
    age: int = 50
    groups: tuple[str, ...] = ()
    day: dt.date = dt.date(2025, 3, 1)
    offsite: str = "local"

    def said(self, visit: int) -> Json:
        facts = {
            "care_type": self.care_type,
            "institution_level": self.level,
            "person_class": self.person_class,
            "age": self.age,
            "entitlement_groups": list(self.groups),
            "offsite": self.offsite,
        }
        lines = [{"class": "01", "fen": self.yuan * 100}]
        return {"date": self.day, "visit": f"V{visit}", "facts": facts, "lines": lines}


def visit(yuan: int, level: str = LEVEL_3, person_class: str = ACTIVE, age: int = 50) -> Care:
    return Care(yuan, level, person_class, care_type="11", age=age)


def person_of(region: str) -> Person:
    return Person(policy_of(REGIONS[region]))


def costs(person: Person, care: Care) -> dict[str, int]:
    return person.names(person.settle(care.said(person.bills)))


BEIJING = [
    (visit(21_800), {"deductible": "1800", "P2.paid": "13820"}),
    (visit(21_800, COMMUNITY), {"deductible": "1800", "P2.paid": "17460"}),
    (visit(21_300, LEVEL_2, RETIRED, 69), {"deductible": "1300", "P2.paid": "16935"}),
    (visit(21_300, LEVEL_1, RETIRED, 70), {"deductible": "1300", "P2.paid": "17870"}),
    (visit(21_300, COMMUNITY, RETIRED, 69), {"deductible": "1300", "P2.paid": "17870"}),
    (visit(2_021_800), {"P2.paid": "1213820"}),
    (Care(510_000, LEVEL_1), {"deductible": "1300", "P1.paid": "93530", "L1.paid": "340000"}),
    (Care(510_000, LEVEL_2), {"P1.paid": "92369", "L1.paid": "340000"}),
    (Care(510_000, LEVEL_3), {"P1.paid": "90395", "L1.paid": "340000"}),
    (Care(510_000, LEVEL_1, RETIRED), {"P1.paid": "97149", "L1.paid": "360000"}),
    (Care(510_000, LEVEL_2, RETIRED), {"P1.paid": "96800.70", "L1.paid": "360000"}),
    (Care(510_000, LEVEL_3, RETIRED), {"P1.paid": "96208.50", "L1.paid": "360000"}),
]
JUNE, JULY = dt.date(2024, 6, 30), dt.date(2024, 7, 1)
SHANGHAI = [
    (Care(101_500), {"deductible": "1500", "P1.paid": "85000"}),
    (Care(101_200, LEVEL_3, RETIRED), {"deductible": "1200", "P1.paid": "92000"}),
    (Care(100_700, LEVEL_3, RETIRED, groups=("60",)), {"deductible": "700", "P1.paid": "92000"}),
    # 590,000 are reached at a fee of 694,117.65, of which 305,882.35 remain.
    (Care(1_001_500, day=JUNE), {"P1.paid": "590000", "L1.paid": "244705.88"}),
    (Care(1_001_500, day=JULY), {"P1.paid": "610000", "L1.paid": "225882.35"}),
    (visit(1_000), {"deductible": "0", "P2.paid": "500"}),
]
GUANGZHOU = [
    (Care(11_600, LEVEL_3), {"deductible": "1600", "P1.paid": "8000"}),
    (Care(10_800, LEVEL_2), {"deductible": "800", "P1.paid": "8500"}),
    (Care(10_400, LEVEL_1), {"deductible": "400", "P1.paid": "9000"}),
    (Care(11_600, LEVEL_3, RETIRED), {"P1.paid": "8600"}),
    (Care(10_800, LEVEL_2, RETIRED), {"P1.paid": "8950"}),
    (Care(10_400, LEVEL_1, RETIRED), {"P1.paid": "9300"}),
]
HANGZHOU = [
    (Care(370_000, LEVEL_3), {"deductible": "800", "P1.paid": "313744", "L1.paid": "9000"}),
    (Care(370_000, LEVEL_2), {"deductible": "500", "P1.paid": "321180", "L1.paid": "9000"}),
    (Care(370_000, LEVEL_1), {"deductible": "300", "P1.paid": "329336", "L1.paid": "9000"}),
    (Care(370_000, LEVEL_3, RETIRED), {"P1.paid": "328112", "L1.paid": "9000"}),
    (Care(370_000, LEVEL_2, RETIRED), {"P1.paid": "335560", "L1.paid": "9000"}),
    (Care(370_000, LEVEL_1, RETIRED), {"P1.paid": "343724", "L1.paid": "9000"}),
    (visit(11_000, LEVEL_3), {"deductible": "1000", "P2.paid": "7600"}),
    (visit(11_000, LEVEL_2), {"deductible": "1000", "P2.paid": "8000"}),
    (visit(11_000, LEVEL_1), {"deductible": "1000", "P2.paid": "8600"}),
    (visit(10_300, LEVEL_3, RETIRED), {"deductible": "300", "P2.paid": "8200"}),
    (visit(10_300, LEVEL_2, RETIRED), {"deductible": "300", "P2.paid": "8600"}),
    (visit(10_300, LEVEL_1, RETIRED), {"deductible": "300", "P2.paid": "9200"}),
]
NINGBO = [
    (Care(50_000, LEVEL_3, RESIDENT), {"deductible": "1200", "P1.paid": "34660"}),
    (Care(50_000, LEVEL_2, RESIDENT), {"deductible": "600", "P1.paid": "35080"}),
    (Care(50_000, LEVEL_1, RESIDENT), {"deductible": "300", "P1.paid": "35290"}),
    (Care(50_000, COMMUNITY, RESIDENT), {"deductible": "300", "P1.paid": "40260"}),
    (Care(500_000, LEVEL_3, RESIDENT), {"P1.paid": "300000"}),
]
KUNMING = [
    (visit(130, LEVEL_1), {"deductible": "30", "P2.paid": "60"}),
    (visit(160, LEVEL_2), {"deductible": "60", "P2.paid": "55"}),
    (visit(190, LEVEL_3), {"deductible": "90", "P2.paid": "50"}),
    (visit(130, LEVEL_1, RETIRED), {"deductible": "30", "P2.paid": "65"}),
    (visit(160, LEVEL_2, RETIRED), {"deductible": "60", "P2.paid": "60"}),
    (visit(190, LEVEL_3, RETIRED), {"deductible": "90", "P2.paid": "55"}),
    # 6,000 are reached at a fee of 10,000; the rest is paid like inpatient care.
    (visit(20_030, LEVEL_1), {"P2.paid": "6000", "P3.paid": "9000"}),
]
TENGZHOU = [
    (visit(300, LEVEL_1), {"deductible": "200", "P2.paid": "80"}),
    (visit(500, LEVEL_2), {"deductible": "400", "P2.paid": "70"}),
    (visit(700, LEVEL_3), {"deductible": "600", "P2.paid": "60"}),
    (visit(300, LEVEL_1, RETIRED), {"deductible": "200", "P2.paid": "85"}),
    (visit(500, LEVEL_2, RETIRED), {"deductible": "400", "P2.paid": "75"}),
    (visit(700, LEVEL_3, RETIRED), {"deductible": "600", "P2.paid": "65"}),
    (visit(10_200, LEVEL_1), {"P2.paid": "3500", "L2.paid": "1000"}),
    (visit(10_200, LEVEL_1, RETIRED), {"P2.paid": "4500", "L2.paid": "1000"}),
]
HEFEI = [
    # The assumed pool leaves 240,000 of 800,000.
    (Care(800_000, LEVEL_3, RESIDENT), {"P1.paid": "560000", "K1.paid": "160000"}),
    (Care(800_000, LEVEL_3, RESIDENT, groups=("2302",)), {"K1.paid": "177625"}),
    (Care(50_000, LEVEL_3, RESIDENT), {"K1.paid": "0"}),
    (Care(25_000, LEVEL_3, RESIDENT, groups=("2304",)), {"K1.paid": "0"}),
]
SINGLE = {
    "110000": BEIJING,
    "310000": SHANGHAI,
    "440100": GUANGZHOU,
    "330100": HANGZHOU,
    "330200": NINGBO,
    "530100": KUNMING,
    "370481": TENGZHOU,
    "340100": HEFEI,
}
CASES = [(region, *case) for region, cases in SINGLE.items() for case in cases]


@pytest.mark.parametrize(("region", "care", "expected"), CASES)
def test_a_first_bill_costs_what_the_sources_say(
    region: str, care: Care, expected: dict[str, str]
) -> None:
    names = costs(person_of(region), care)
    fen = {name: int(Decimal(yuan) * 100) for name, yuan in expected.items()}
    assert {name: names[name] for name in expected} == fen


SEQUENCES = [
    ("110000", LEVEL_3, ACTIVE, [1300, 650, 650]),
    ("500000", LEVEL_3, ACTIVE, [880, 792, 704, 620, 620]),
    ("500000", LEVEL_2, ACTIVE, [440, 396, 352, 308, 264, 260, 260]),
    ("500000", LEVEL_1, ACTIVE, [200, 180, 160, 140, 120, 100, 100]),
    ("320300", LEVEL_3, ACTIVE, [1000, 900, 800, 700, 600, 500, 400, 300, 300]),
    ("320300", LEVEL_2, ACTIVE, [500, 400, 300, 200, 200]),
    ("320300", LEVEL_1, ACTIVE, [200, 100, 100]),
    ("320300", LEVEL_3, RETIRED, [500, 450, 400, 350, 300, 250, 200, 150, 150]),
    ("320300", LEVEL_2, RETIRED, [250, 200, 150, 100, 100]),
    ("320300", LEVEL_1, RETIRED, [100, 50, 50]),
    ("310000", LEVEL_3, ACTIVE, [1500, 0]),
    ("440100", LEVEL_3, ACTIVE, [1600, 1600]),
]


@pytest.mark.parametrize(("region", "level", "person_class", "deductibles"), SEQUENCES)
def test_deductibles_fall_with_each_admission(
    region: str, level: str, person_class: str, deductibles: list[int]
) -> None:
    person = person_of(region)
    care = Care(10_000, level, person_class)
    found = [costs(person, care)["deductible"] for _ in deductibles]
    assert found == [yuan * 100 for yuan in deductibles]


def test_in_chongqing_admissions_count_by_level() -> None:
    person = person_of("500000")
    levels = (LEVEL_3, LEVEL_1, LEVEL_3, LEVEL_3, LEVEL_3)
    found = [costs(person, Care(10_000, level))["deductible"] for level in levels]
    assert found == [88_000, 20_000, 79_200, 70_400, 62_000]


def test_brackets_of_a_second_admission_in_beijing_begin_anew() -> None:
    person = person_of("110000")
    costs(person, Care(60_000))
    assert costs(person, Care(10_000))["P1.paid"] == (10_000 - 650) * 85


def test_the_inpatient_limit_of_beijing_is_one_of_the_year() -> None:
    person = person_of("110000")
    costs(person, Care(450_000))
    names = costs(person, Care(200_000))
    assert names["D1.paid"] + names["P1.covered"] + names["L1.covered"] == 5_000_000


def test_a_visit_in_kunming_bears_its_deductible_and_its_bills_bear_it_once() -> None:
    person = person_of("530100")
    first = visit(50, LEVEL_2).said(1)
    found = [person.names(person.settle(said))["deductible"] for said in (first, first)]
    found.append(costs(person, visit(100, LEVEL_2))["deductible"])
    assert found == [5_000, 1_000, 6_000]


def test_in_tengzhou_a_dearer_level_bears_the_difference() -> None:
    person = person_of("370481")
    levels = (LEVEL_1, LEVEL_2, LEVEL_3, LEVEL_1)
    found = [costs(person, visit(1_000, level)) for level in levels]
    assert [names["deductible"] for names in found] == [20_000, 20_000, 20_000, 0]
    assert [names["P2.paid"] for names in found] == [64_000, 56_000, 48_000, 80_000]


def test_outpatient_limits_are_of_the_year() -> None:
    kunming = person_of("530100")
    costs(kunming, visit(20_030, LEVEL_1))
    names = costs(kunming, visit(1_030, LEVEL_1))
    assert (names["P2.paid"], names["P3.paid"]) == (0, 90_000)
    tengzhou = person_of("370481")
    costs(tengzhou, visit(10_200, LEVEL_1))
    assert costs(tengzhou, visit(1_000, LEVEL_1))["fund_total"] == 0


def test_a_referral_from_xuzhou_bears_its_own_deductible_at_five_points_less() -> None:
    person = person_of("320300")
    for _ in range(2):
        names = costs(person, Care(11_500, offsite="referral"))
        assert (names["deductible"], names["P1.paid"]) == (150_000, 750_000)
    names = costs(person_of("320300"), Care(11_000, offsite="long_term"))
    assert (names["deductible"], names["P1.paid"]) == (100_000, 800_000)


@pytest.mark.parametrize("offsite", ["emergency", "temporary", "unregistered"])
def test_what_xuzhou_does_not_say_of_care_elsewhere_is_refused(offsite: str) -> None:
    with pytest.raises(RuleError) as raised:
        costs(person_of("320300"), Care(10_000, offsite=offsite))
    assert raised.value.reason is Reason.POLICY_NO_MATCHING_ROW


@pytest.mark.parametrize(("path", "excluded"), [("counter", 0), ("claim", 1_150_000)])
def test_xuzhou_goes_by_the_catalogue_elsewhere_at_counters_alone(path: str, excluded: int) -> None:
    said = Care(11_500, offsite="referral").said(1)
    said["facts"]["path"] = path
    said["lines"] = [{"class": "03", "fen": 1_150_000, "there": {"class": "01"}}]
    person = person_of("320300")
    assert person.names(person.settle(said))["excluded"] == excluded


def test_the_benefit_year_of_shanghai_begins_in_july() -> None:
    person = person_of("310000")
    days = [dt.date(2024, 6, 30), dt.date(2024, 7, 1), dt.date(2025, 1, 1)]
    found = [costs(person, Care(10_000, day=day))["deductible"] for day in days]
    assert found == [150_000, 150_000, 0]
