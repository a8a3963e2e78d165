"""How many months a person is covered on a day, and what else policies ask of enrolment."""

import datetime as dt
from typing import Any

import pytest

from yibao_common.values.calendar import full_months
from yibao_settlement.rules.enrolment import (
    EnrolledFacts,
    Enrolment,
    RegisteredDisease,
    enrolled_facts_of,
    months_insured,
)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def period(start: str, end: str | None = None, **fields: Any) -> Enrolment:
    values = Enrolment(
        *(start, "310", "11", (), 1, day(start), None if end is None else day(end), True, False)
    )
    return values._replace(**fields)


@pytest.mark.parametrize(
    ("first", "on", "months"),
    [
        ("2026-01-01", "2026-01-01", 0),
        ("2026-01-01", "2026-01-31", 0),
        ("2026-01-01", "2026-02-01", 1),
        ("2026-01-15", "2026-02-14", 0),
        ("2026-01-15", "2026-02-15", 1),
        ("2026-01-31", "2026-02-27", 0),
        ("2026-01-31", "2026-02-28", 1),
        ("2026-01-31", "2026-03-30", 1),
        ("2026-01-31", "2026-03-31", 2),
        ("2026-01-31", "2026-04-29", 2),
        ("2026-01-31", "2026-04-30", 3),
        ("2024-01-31", "2024-02-28", 0),
        ("2024-01-31", "2024-02-29", 1),
        ("2024-02-29", "2025-02-28", 12),
        ("2025-12-31", "2026-01-30", 0),
        ("2025-12-31", "2026-01-31", 1),
    ],
)
def test_a_month_is_full_on_its_day_or_on_the_last_of_a_shorter_one(
    first: str, on: str, months: int
) -> None:
    assert full_months(day(first), day(on)) == months


def insured(on: str, *periods: Enrolment) -> int | None:
    """Returns the months on a day, which the last of the periods that began covers."""
    covering = max(
        (each for each in periods if each.start_date <= day(on)), key=lambda each: each.start_date
    )
    return months_insured(covering, periods, on=day(on))


def test_months_before_the_first_period_and_since_it_began_are_added() -> None:
    told = period("2026-01-01", insured_months_before=5)
    assert [insured(on, told) for on in ("2026-01-31", "2026-02-01", "2027-01-01")] == [5, 6, 17]


def test_periods_that_follow_each_other_without_a_gap_are_one() -> None:
    first = period("2026-01-01", "2026-03-31", insured_months_before=5)
    second = period("2026-04-01", "2026-05-14", person_class="12")
    third = period("2026-05-15", insured_months_before=0)
    assert insured("2026-06-01", third, first, second) == 10


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(period("2026-01-01", "2026-03-30"), id="a day is missing"),
        pytest.param(period("2026-01-01", "2026-03-31", insurance_type="390"), id="another type"),
        pytest.param(period("2026-01-01", "2026-03-31", status=2), id="it was suspended"),
    ],
)
def test_after_a_gap_the_count_begins_with_what_the_agency_told_then(before: Enrolment) -> None:
    before = before._replace(insured_months_before=40)
    assert insured("2026-06-01", before, period("2026-04-01", insured_months_before=3)) == 5
    assert insured("2026-06-01", before, period("2026-04-01")) is None


def test_where_the_first_period_tells_nothing_the_first_that_tells_counts() -> None:
    """A period of before, which nobody was asked of, and a change that tells."""
    first, second = (
        period("2014-01-01", "2026-03-31"),
        period("2026-04-01", insured_months_before=9),
    )
    assert insured("2026-03-31", first, second) is None
    assert insured("2026-05-01", first, second) == 10


def test_the_facts_of_a_day_are_those_of_its_period_and_the_diseases_that_hold() -> None:
    now = period("2026-04-01", tier="2", months_owing=1, insured_months_before=0)
    diseases = [
        RegisteredDisease("M1", day("2026-04-01"), day("2026-04-30")),
        RegisteredDisease("M2", day("2026-04-30"), None),
        RegisteredDisease("M3", day("2026-05-01"), None),
    ]
    assert enrolled_facts_of(now, [now], diseases, on=day("2026-04-30")) == EnrolledFacts(
        "2", frozenset({"M1", "M2"}), 0, 1
    )


def test_years_without_a_claim_are_said_of_the_year_in_which_the_period_begins() -> None:
    now = period("2026-04-01", years_unclaimed=4)
    told = {
        on: enrolled_facts_of(now, [now], (), on=day(on)).years_unclaimed
        for on in ("2026-04-01", "2026-12-31", "2027-01-01")
    }
    assert told == {"2026-04-01": 4, "2026-12-31": 4, "2027-01-01": None}


def test_what_nobody_told_is_not_said() -> None:
    now = period("2026-04-01")
    nothing = EnrolledFacts(None, frozenset(), None, None)
    assert enrolled_facts_of(now, [now], (), on=day("2026-05-01")) == nothing
