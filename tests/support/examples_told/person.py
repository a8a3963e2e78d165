"""The person of an example: a day of birth and periods of cover that make its facts true."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from support.examples_told.history import Example

# Before every policy and every bill of the examples.
_LONG_AGO = dt.date(2000, 1, 1)
# Whoever is of no age that matters.
_ADULT = dt.date(1980, 1, 1)
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """Days of cover, both included, None where it is open, with what holds in them."""

    start: dt.date
    end: dt.date | None
    facts: Mapping[str, Any]


def birth_date(example: Example) -> dt.date:
    """Returns a day of birth by which the person is as old on every day as the bills say."""
    earliest, latest = dt.date.min, dt.date.max
    days = [*(said.day for said in example.said), *(bill.date for bill in example.bills)]
    for day in days:
        age = _facts_on(example, day).get("age")
        if age is None:
            continue
        # The birthday that makes them so old is at most a year back.
        earliest = max(earliest, _years_before(day, age + 1) + _DAY)
        latest = min(latest, _years_before(day, age))
    assert earliest <= latest, f"{example.name}: nobody is so old on all days"
    return _ADULT if latest == dt.date.max else latest


def periods(example: Example) -> list[Period]:
    """Returns the periods of cover, in their order."""
    changes = [each.day for each in example.said[1:]]
    starts = [_LONG_AGO, *changes]
    ends: list[dt.date | None] = [*(day - _DAY for day in changes), None]
    of_facts = [
        Period(start, end, said.facts)
        for start, end, said in zip(starts, ends, example.said, strict=True)
    ]
    return list(_covered(of_facts, example.cover or ((_LONG_AGO, None),)))


def _covered(
    found: Sequence[Period], cover: Sequence[tuple[dt.date, dt.date | None]]
) -> Iterator[Period]:
    for period in found:
        for start, end in cover:
            first = max(start, period.start)
            lasts = [day for day in (end, period.end) if day is not None]
            last = min(lasts, default=None)
            if last is None or first <= last:
                yield Period(first, last, period.facts)


def _facts_on(example: Example, day: dt.date) -> Mapping[str, Any]:
    return [each.facts for each in example.said if each.day <= day][-1]


def _years_before(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return dt.date(day.year - years, 2, 28)
