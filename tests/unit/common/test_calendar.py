"""Days of Shanghai: ages on and around birthdays, months that end early, midnight."""

import datetime as dt

import pytest

from yibao_common.values.calendar import add_months, full_years, shanghai_day

_BIRTH = dt.date(1966, 11, 20)
_LEAP_BIRTH = dt.date(2004, 2, 29)


@pytest.mark.parametrize(
    ("birth", "on", "age"),
    [
        (_BIRTH, dt.date(2026, 11, 19), 59),
        (_BIRTH, dt.date(2026, 11, 20), 60),
        (_BIRTH, dt.date(2026, 11, 21), 60),
        (_BIRTH, _BIRTH, 0),
        # Born on 29 February: on the day itself in leap years, on 1 March in others.
        (_LEAP_BIRTH, dt.date(2024, 2, 28), 19),
        (_LEAP_BIRTH, dt.date(2024, 2, 29), 20),
        (_LEAP_BIRTH, dt.date(2026, 2, 28), 21),
        (_LEAP_BIRTH, dt.date(2026, 3, 1), 22),
    ],
)
def test_a_year_of_age_is_full_on_the_birthday(birth: dt.date, on: dt.date, age: int) -> None:
    assert full_years(birth, on) == age


@pytest.mark.parametrize(
    ("day", "months", "moved"),
    [
        (dt.date(2026, 1, 15), 1, dt.date(2026, 2, 15)),
        (dt.date(2026, 1, 28), 1, dt.date(2026, 2, 28)),
        (dt.date(2026, 1, 29), 1, dt.date(2026, 2, 28)),
        (dt.date(2026, 1, 31), 1, dt.date(2026, 2, 28)),
        (dt.date(2024, 1, 31), 1, dt.date(2024, 2, 29)),
        (dt.date(2026, 3, 31), 1, dt.date(2026, 4, 30)),
        (dt.date(2026, 8, 31), 6, dt.date(2027, 2, 28)),
        (dt.date(2026, 12, 31), 1, dt.date(2027, 1, 31)),
        (dt.date(2026, 1, 31), -1, dt.date(2025, 12, 31)),
        (dt.date(2024, 2, 29), 12, dt.date(2025, 2, 28)),
        (dt.date(2026, 5, 31), 0, dt.date(2026, 5, 31)),
    ],
)
def test_a_month_later_is_at_most_the_end_of_that_month(
    day: dt.date, months: int, moved: dt.date
) -> None:
    assert add_months(day, months) == moved


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (dt.datetime(2026, 11, 20, 15, 59, 59, 999_999, tzinfo=dt.UTC), dt.date(2026, 11, 20)),
        (dt.datetime(2026, 11, 20, 16, tzinfo=dt.UTC), dt.date(2026, 11, 21)),
        (
            dt.datetime(2026, 12, 31, 12, tzinfo=dt.timezone(dt.timedelta(hours=-5))),
            dt.date(2027, 1, 1),
        ),
    ],
)
def test_the_day_is_that_of_shanghai(instant: dt.datetime, day: dt.date) -> None:
    assert shanghai_day(instant) == day


def test_an_instant_without_a_zone_is_a_broken_assumption() -> None:
    with pytest.raises(AssertionError):
        shanghai_day(dt.datetime(2026, 11, 20))  # noqa: DTZ001
