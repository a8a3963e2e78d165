"""Working days: weekends, the spring festival as the State Council told it, mistakes in files."""

import datetime as dt
from pathlib import Path

import pytest

from yibao_common.files.calendar_file import load_calendar, national_calendar, read_calendar
from yibao_common.process.config import StartError
from yibao_common.values.errors import RuleError
from yibao_common.values.working_days import WorkingCalendar

NATIONAL = national_calendar()


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("told", "is_worked"),
    [
        ("2026-02-13", True),  # Friday before the spring festival
        ("2026-02-14", True),  # Saturday that is worked for it
        ("2026-02-15", False),  # its first day
        ("2026-02-23", False),  # its last day, a Monday
        ("2026-02-24", True),
        ("2026-02-28", True),  # Saturday that is worked for it
        ("2026-03-01", False),  # Sunday
        ("2026-10-07", False),
        ("2026-10-08", True),
        ("2025-10-08", False),
        ("2025-10-11", True),
        ("2031-02-03", True),  # of a year that nobody told of: Monday to Friday
        ("2031-02-01", False),
    ],
)
def test_a_day_is_worked_as_the_state_council_told(told: str, is_worked: bool) -> None:
    assert NATIONAL.is_working_day(day(told)) is is_worked


@pytest.mark.parametrize(
    ("years", "today", "until"),
    [
        ({2025, 2026}, "2025-01-01", "2026-12-31"),
        ({2025, 2026}, "2026-12-31", "2026-12-31"),
        ({2025, 2026}, "2027-01-01", "2026-12-31"),
        ({2025, 2026}, "2030-06-01", "2026-12-31"),
        # The year between is not told of, and then the gap is over.
        ({2025, 2027}, "2025-06-01", "2025-12-31"),
        ({2025, 2027}, "2026-06-01", "2025-12-31"),
        ({2025, 2027}, "2027-06-01", "2027-12-31"),
        # Of no year before: it ended before this one.
        ({2027}, "2026-06-01", "2025-12-31"),
        (set(), "2026-06-01", "2025-12-31"),
    ],
)
def test_a_calendar_tells_until_when_it_knows(years: set[int], today: str, until: str) -> None:
    assert WorkingCalendar(years=frozenset(years)).told_until(day(today)) == day(until)


@pytest.mark.parametrize(
    ("begins", "working_days", "last"),
    [
        ("2026-11-02", 0, "2026-11-02"),
        ("2026-11-02", 1, "2026-11-03"),  # Monday to Tuesday
        ("2026-11-06", 1, "2026-11-09"),  # Friday to Monday
        ("2026-11-07", 1, "2026-11-09"),  # a Saturday that is no working day begins it too
        ("2026-11-02", 10, "2026-11-16"),
        ("2026-02-12", 1, "2026-02-13"),
        ("2026-02-12", 2, "2026-02-14"),  # the worked Saturday counts
        ("2026-02-13", 2, "2026-02-24"),  # over nine days off
        ("2026-02-14", 10, "2026-03-06"),  # with the worked 28 February
        ("2026-09-30", 1, "2026-10-08"),
    ],
)
def test_a_term_of_working_days_ends_on_a_day(begins: str, working_days: int, last: str) -> None:
    assert NATIONAL.after(day(begins), working_days) == day(last)


def test_the_day_that_begins_a_term_does_not_count() -> None:
    calendar = WorkingCalendar(days_off=frozenset({day("2026-11-03")}))
    assert calendar.after(day("2026-11-02"), 1) == day("2026-11-04")


YEAR = """
format: yibao-calendar/1
years:
  - year: 2027
    source: a notice
    days_off: [{{from: {first}, to: {last}, title: 春节}}]
    days_worked: [{worked}]
"""


def calendar_text(
    first: str = "2027-02-05", last: str = "2027-02-11", worked: str = "2027-02-13"
) -> bytes:
    return YEAR.format(first=first, last=last, worked=worked).encode()


def test_a_file_of_ones_own_takes_the_place_of_the_national_one(tmp_path: Path) -> None:
    file = tmp_path / "calendar.yaml"
    file.write_bytes(calendar_text())
    calendar = read_calendar(file)
    assert calendar.years == {2027}
    assert not calendar.is_working_day(day("2027-02-11"))
    assert calendar.is_working_day(day("2027-02-13"))
    assert calendar.is_working_day(day("2026-02-16"))
    assert read_calendar(None) == NATIONAL


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        (calendar_text(worked="2027-02-12"), "days_worked[0]"),  # a Friday
        (calendar_text(worked="2027-02-06"), "days_worked[0]"),  # a Saturday that is off
        (calendar_text(last="2027-02-04"), "to"),
        (calendar_text(last="2027-03-08"), "to"),
        (calendar_text(first="2026-02-05", last="2026-02-06"), "expected days of 2027"),
        (b"format: yibao-calendar/2\nyears: []\n", "yibao-calendar/1"),
        (b"format: [", ""),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_place(
    contents: bytes, told: str, tmp_path: Path
) -> None:
    with pytest.raises(RuleError):
        load_calendar(contents, name="calendar.yaml")
    file = tmp_path / "calendar.yaml"
    file.write_bytes(contents)
    with pytest.raises(StartError, match=r"calendar\.yaml") as refused:
        read_calendar(file)
    assert told in str(refused.value)


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    with pytest.raises(RuleError) as refused:
        load_calendar(calendar_text(last="2027-02-04", worked="2027-02-12"), name="c.yaml")
    assert len(refused.value.faults) == 2
