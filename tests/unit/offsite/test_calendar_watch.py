"""The end of the calendar of working days is told before it comes, and once it has come."""

import asyncio
import datetime as dt
import json
from typing import Any

import pytest
from support.serving import open_test_log

from yibao_common.process.metrics import Metrics
from yibao_common.values.working_days import WorkingCalendar
from yibao_offsite.calendar_watch import CalendarWatch

GAUGE = "yibao_calendar_end_timestamp_seconds"
CALENDAR = WorkingCalendar(years=frozenset({2025, 2026}))


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}+08:00")


class Watched:
    """A watch at a time that goes on, and what it has told."""

    def __init__(self, *, is_sandbox: bool = False) -> None:
        self.now = instant("2026-01-01T00:00")
        self.metrics = Metrics()
        log, self.lines = open_test_log()
        self.watch = CalendarWatch(
            CALENDAR,
            name="national",
            is_sandbox=is_sandbox,
            metrics=self.metrics,
            clock=lambda: self.now,
            log=log,
        )

    def look(self, at: str) -> list[dict[str, Any]]:
        """Looks at a time; returns what was logged by that."""
        self.now, begin = instant(at), len(self.lines.getvalue())
        asyncio.run(self.watch.look())
        return [json.loads(line) for line in self.lines.getvalue()[begin:].splitlines()]

    def end(self) -> dt.datetime:
        """Returns what the metric tells."""
        told = self.metrics.registry.get_sample_value(GAUGE, {"calendar": "national"})
        assert told is not None
        return dt.datetime.fromtimestamp(told, dt.UTC)


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.mark.parametrize(
    ("at", "level", "event"),
    [
        ("2026-11-01T23:59", "", ""),  # 60 days before
        ("2026-11-02T00:00", "warning", "the calendar ends soon"),
        ("2026-12-31T23:59", "warning", "the calendar ends soon"),
        ("2027-01-01T00:00", "error", "the calendar has ended"),
        ("2028-05-01T00:00", "error", "the calendar has ended"),
    ],
)
def test_the_end_of_the_calendar_is_told(watched: Watched, at: str, level: str, event: str) -> None:
    told = watched.look(at)
    assert [(each["level"], each["event"]) for each in told] == [(level, event)] * bool(event)
    assert {each["last_day"] for each in told} <= {"2026-12-31"}
    assert watched.end() == instant("2027-01-01T00:00")


def test_it_is_told_once_a_day(watched: Watched) -> None:
    (told,) = watched.look("2026-12-01T08:00")
    assert told["days_left"] == 30
    assert watched.look("2026-12-01T23:59") == []
    assert len(watched.look("2026-12-02T00:00")) == 1


@pytest.mark.parametrize("at", ["2026-12-01T08:00", "2027-01-01T08:00"])
def test_a_sandbox_warns_of_nothing(at: str) -> None:
    """Nobody waits for a due day there."""
    assert [each["level"] for each in Watched(is_sandbox=True).look(at)] == ["info"]


def test_a_service_without_a_calendar_tells_no_end() -> None:
    """An alarm on it would ring for services that count no working days."""
    assert GAUGE not in {each.name for each in Metrics().registry.collect() if each.samples}
