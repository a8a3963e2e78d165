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
        assert (said.region, said.birth_date) == ("119999", dt.date(1980, 2, 29))


@pytest.mark.parametrize(
    "today", [dt.date(2026, 1, 1), dt.date(2028, 2, 29), dt.date(2026, 12, 31)]
)
def test_a_sample_person_has_the_age_of_the_bill_on_any_day(today: dt.date) -> None:
    assert full_years(birth_date(70, today=today), today) == 70
