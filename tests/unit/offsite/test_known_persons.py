"""Whom identity told of: insured on a day or not."""

import datetime as dt

import pytest
from support.offsite_feeds import known_person

from yibao_offsite.rules.person import Period, PeriodStatus

FIRST, LAST = dt.date(2026, 3, 1), dt.date(2026, 8, 31)
DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "is_enrolled"),
    [(FIRST - DAY, False), (FIRST, True), (LAST, True), (LAST + DAY, False)],
)
@pytest.mark.parametrize("status", [PeriodStatus.NORMAL, PeriodStatus.SUSPENDED])
def test_first_and_last_day_of_a_period_are_insured(
    day: dt.date, is_enrolled: bool, status: PeriodStatus
) -> None:
    person = known_person("a", periods=(Period("310", status, FIRST, LAST),))
    assert person.is_enrolled_on(day) is is_enrolled


def test_a_period_that_says_that_cover_ended_insures_nobody() -> None:
    ended = Period("310", PeriodStatus.ENDED, FIRST, None)
    assert not known_person("a", periods=(ended,)).is_enrolled_on(FIRST)
    open_period = Period("390", PeriodStatus.NORMAL, FIRST, None)
    assert known_person("a", periods=(ended, open_period)).is_enrolled_on(dt.date(2099, 1, 1))


def test_a_name_is_never_printed() -> None:
    assert "张" not in repr(known_person("a"))
