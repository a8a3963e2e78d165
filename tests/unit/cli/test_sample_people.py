"""The sandbox's people are valid in form and plainly not real."""

import datetime as dt
import random

import pytest

from yibao_cli.demo.sample_person import birth_date, citizen_number
from yibao_common.values.calendar import full_years
from yibao_common.values.citizen_number import parse_citizen_number


def test_a_sample_number_is_valid_and_of_no_division() -> None:
    for seed in range(50):
        number = citizen_number(dt.date(1980, 2, 29), choose=random.Random(seed))
        said = parse_citizen_number(number)
        assert said.region.startswith("1199")
        assert said.birth_date == dt.date(1980, 2, 29)


@pytest.mark.parametrize(
    "today", [dt.date(2026, 1, 1), dt.date(2028, 2, 29), dt.date(2026, 12, 31)]
)
def test_a_sample_person_has_the_age_of_the_bill_on_any_day(today: dt.date) -> None:
    days = [today, today - dt.timedelta(days=58)]
    for seed in range(300):
        born = birth_date(70, today=today, choose=random.Random(seed))
        assert [full_years(born, day) for day in days] == [70, 70]


def test_sample_people_hardly_ever_have_the_same_number() -> None:
    choose = random.Random(7)
    today = dt.date(2026, 1, 1)
    numbers = [
        citizen_number(birth_date(40, today=today, choose=choose), choose=choose)
        for _ in range(500)
    ]
    assert len(set(numbers)) == 500
