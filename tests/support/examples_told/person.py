"""The person of an example: a day of birth and periods of cover that make its facts true."""

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from support.examples_told.history import Example

from yibao_common.values.calendar import full_months

# Before every policy and every bill of the examples.
_LONG_AGO = dt.date(2000, 1, 1)
# Whoever is of no age that matters.
_ADULT = dt.date(1980, 1, 1)
_DAY = dt.timedelta(days=1)
_MONTHS = "months_insured"


@dataclass(frozen=True, slots=True)
class Period:
    """Days of cover, both included, None where it is open, with what holds in them.

    The facts are those of a day `said` in it.
    """

    start: dt.date
    end: dt.date | None
    said: dt.date
    facts: Mapping[str, Any]

    @property
    def terms(self) -> dict[str, Any]:
        """What is told of it, by the names of the contract."""
        terms: dict[str, Any] = {
            "person_class": self.facts.get("person_class", "11"),
            "entitlement_groups": self.facts.get("entitlement_groups", ()),
            "tier": self.facts.get("tier", ""),
            "months_owing": self.facts.get("months_owing"),
        }
        if _MONTHS in self.facts:
            since = full_months(self.start, self.said)
            terms["insured_months_before"] = self.facts[_MONTHS] - since
        return terms


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
    """Returns the periods of cover, in their order.

    Where it matters how many months somebody was covered, cover began with the history; where
    that is not said any more, it was interrupted for a day.
    """
    changes = [each.day for each in example.said[1:]]
    starts = [example.first_day if _MONTHS in example.said[0].facts else _LONG_AGO, *changes]
    ends: list[dt.date | None] = [
        said.day - (2 * _DAY if _MONTHS in before.facts and _MONTHS not in said.facts else _DAY)
        for before, said in itertools.pairwise(example.said)
    ]
    ends.append(None)
    of_facts = [
        Period(start, end, said.day, said.facts)
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
                yield Period(first, last, period.said, period.facts)


def _facts_on(example: Example, day: dt.date) -> Mapping[str, Any]:
    return [each.facts for each in example.said if each.day <= day][-1]


def _years_before(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return dt.date(day.year - years, 2, 28)
