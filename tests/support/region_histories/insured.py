"""What enrolment says of a person on each day, at random, for both sides."""

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any

from support.benefit_cases.facts import CODES, NUMBERS, SETS

from yibao_settlement.rules.enrolment import Enrolment, RegisteredDisease

NEW_YEARS = (dt.date(2023, 1, 1), dt.date(2024, 1, 1))
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """What is told of a person from a day on; None of what is not told."""

    start: dt.date
    person_class: str
    tier: str | None
    groups: tuple[str, ...]
    months_owing: int | None
    years_unclaimed: int | None


@dataclass(frozen=True, slots=True)
class Insured:
    """A person; `periods` follow each other without a gap, `months_before` the first of them."""

    birth_date: dt.date
    periods: tuple[Period, ...]
    months_before: int | None
    # With the first and the last day of each.
    diseases: tuple[tuple[str, dt.date, dt.date | None], ...]

    def facts(self, day: dt.date) -> dict[str, Any]:
        """Returns the facts of a day by the names that tables ask for."""
        period = [each for each in self.periods if each.start <= day][-1]
        birth, first = self.birth_date, self.periods[0].start
        had_birthday = (day.month, day.day) >= (birth.month, birth.day)
        months = (day.year - first.year) * 12 + day.month - first.month
        return {
            "person_class": period.person_class,
            "tier": period.tier,
            "entitlement_groups": list(period.groups),
            "diseases": [
                code
                for code, start, end in self.diseases
                if start <= day and (end is None or day <= end)
            ],
            "age": day.year - birth.year - (not had_birthday),
            "months_insured": None if self.months_before is None else self.months_before + months,
            "months_owing": period.months_owing,
            "years_unclaimed": period.years_unclaimed,
        }

    def enrolments(self, period: Enrolment) -> tuple[Enrolment, ...]:
        """Returns the periods as identity's feed tells them, of which `period` is a pattern."""
        ends = [each.start - _DAY for each in self.periods[1:]]
        return tuple(
            period._replace(
                enrolment_id=f"{period.enrolment_id[:-2]}{number:02}",
                person_class=each.person_class,
                entitlement_groups=each.groups,
                start_date=each.start,
                end_date=end,
                tier=each.tier or "",
                insured_months_before=None if number else self.months_before,
                months_owing=each.months_owing,
                years_unclaimed=each.years_unclaimed,
            )
            for number, (each, end) in enumerate(zip(self.periods, [*ends, None], strict=True))
        )

    def registered(self) -> tuple[RegisteredDisease, ...]:
        """Returns the registered diseases as the feed tells them."""
        return tuple(RegisteredDisease(*each) for each in self.diseases)


def random_insured(chance: random.Random) -> Insured:
    """Returns somebody whose terms change at New Year, and mostly once in between."""
    starts = [*NEW_YEARS]
    if chance.random() < 0.7:
        starts.append(NEW_YEARS[0] + dt.timedelta(days=chance.randint(30, 330)))
    begun = dt.date(2014, 1, 1)
    return Insured(
        birth_date=dt.date(chance.randint(1940, 2010), chance.randint(1, 12), 15),
        periods=tuple(_period(chance, start) for start in sorted(starts)),
        months_before=_told(chance, "months_insured"),
        diseases=tuple(
            (code, begun, chance.choice((None, None, dt.date(2023, chance.randint(2, 11), 9))))
            for code in chance.sample(SETS["diseases"], chance.choice((0, 1, 2)))
        ),
    )


def _period(chance: random.Random, start: dt.date) -> Period:
    groups = SETS["entitlement_groups"]
    return Period(
        start,
        chance.choice(CODES["person_class"]),
        None if chance.random() < 0.04 else chance.choice(CODES["tier"]),
        tuple(sorted(chance.sample(groups, chance.choice((0, 0, 1, 2))))),
        _told(chance, "months_owing"),
        _told(chance, "years_unclaimed"),
    )


def _told(chance: random.Random, fact: str) -> int | None:
    return None if chance.random() < 0.02 else chance.randint(0, NUMBERS[fact])
