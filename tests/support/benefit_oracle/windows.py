"""Stays, legs and the instances of windows."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .tables import Facts

Line = Mapping[str, Any]
Instance = tuple[Any, ...]


@dataclass
class Stays:
    """The visits of a person so far: the stay of each, and when stays began."""

    stay_of: dict[str, str] = field(default_factory=dict)
    admitted: dict[str, dt.date] = field(default_factory=dict)
    visit_admitted: dict[str, dt.date] = field(default_factory=dict)
    last_bill: dict[str, dt.date] = field(default_factory=dict)

    def copy(self) -> "Stays":
        """Returns the same, to be changed by itself."""
        known = (self.stay_of, self.admitted, self.visit_admitted, self.last_bill)
        return Stays(*(dict(each) for each in known))  # type: ignore[arg-type]

    def admission_of(self, bill: Mapping[str, Any]) -> dt.date:
        """Returns the first day of a bill's visit; its first bill tells it, or has it."""
        known = self.visit_admitted.get(bill["visit"], bill["date"])
        admitted: dt.date = bill.get("admitted", known)
        return admitted

    def enter(self, bill: Mapping[str, Any], joins_within_days: int | None) -> str:
        """Returns the stay of a bill and remembers it.

        Whoever keeps visits beside bills says its stay, whatever became of the bills before.
        """
        visit, date = bill["visit"], bill["date"]
        admitted = self.admission_of(bill)
        before: str = bill.get("transfer_from", "")
        told = bill.get("stay")
        if told is not None:
            self.stay_of[visit] = told["visit"]
            self.admitted[told["visit"]] = told["admitted"]
        if visit not in self.stay_of:
            joins = (
                joins_within_days is not None
                and before in self.last_bill
                and (admitted - self.last_bill[before]).days <= joins_within_days
            )
            self.stay_of[visit] = self.stay_of[before] if joins else visit
        stay = self.stay_of[visit]
        self.admitted.setdefault(stay, admitted)
        self.visit_admitted[visit] = admitted
        self.last_bill[visit] = max(date, self.last_bill.get(visit, date))
        return stay


@dataclass
class Leg:
    """What of a bill lies in one year and one period."""

    lines: list[tuple[int, Line]]
    day: dt.date
    year: int
    period: int
    stay: str
    facts: Facts

    def instance(self, window: str, per: list[str], *, of_year: bool) -> Instance:
        """Returns which instance of a window this leg lies in.

        `of_year` divides stays and periods by year.
        """
        year: Instance = (self.year,) if of_year else ()
        where: Instance = {
            "day": (self.day,),
            "month": (self.day.year, self.day.month),
            "stay": (self.stay, *year),
            "period": (self.stay, self.period, *year),
            "year": (self.year,),
        }[window]
        return (window, *where, *((fact, self.facts.of(fact)) for fact in per))


def year_of(day: dt.date, starts: str) -> int:
    """Returns the calendar year in which the benefit year of `day` began."""
    month, first = map(int, starts.split("-"))
    return day.year - ((day.month, day.day) < (month, first))


@dataclass
class Calendar:
    """How a policy cuts time."""

    mode: str
    starts: str
    period_days: int | None

    def legs(
        self, bill: Mapping[str, Any], lines: list[tuple[int, Line]], stay: str, since: dt.date
    ) -> list[tuple[list[tuple[int, Line]], dt.date, int, int]]:
        """Returns the legs of a bill in order: lines, last day, year, period."""
        date = bill["date"]
        whole = year_of(since if self.mode == "admission" else date, self.starts)
        cut: dict[tuple[int, int], list[tuple[int, Line]]] = {}
        for index, line in lines:
            day = line.get("date", date)
            year = year_of(day, self.starts) if self.mode == "split" else whole
            cut.setdefault((self.period(day, since), year), []).append((index, line))
        if not cut:
            # Nothing of the bill lies in a later period than the first, nor in another year
            # than its own.
            cut[0, year_of(date, self.starts)] = []
        keys = sorted(cut)
        return [
            (cut[key], date if key == keys[-1] else last_date(cut[key], date), key[1], key[0])
            for key in keys
        ]

    def period(self, day: dt.date, since: dt.date) -> int:
        """Returns the period of a stay in which `day` lies, 0 where none is used."""
        return 0 if self.period_days is None else (day - since).days // self.period_days


def last_date(lines: list[tuple[int, Line]], date: dt.date) -> dt.date:
    """Returns the last day of lines, of which those without a date have the bill's `date`."""
    last: dt.date = max(line.get("date", date) for _, line in lines)
    return last
