"""Interest of personal accounts (个人账户计息): dated rates, day counts and roundings as data.

No national rule says how it is computed, so a region says it: see `files.account_close`. Money
paid in this year and what was left of earlier years earn by rates of their own, and each is
rounded once. All is whole numbers: a rate is in ppm a year, and what a balance earns is a fraction
of fen with one denominator a year.
"""

import datetime as dt
import enum
import functools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yibao_common.values.calendar import add_months
from yibao_common.values.errors import InvariantError

_PPM = 1_000_000
_MONTHS = 12
_DAY = dt.timedelta(days=1)


class DayCount(enum.Enum):
    """What of a year's rate a day earns."""

    # One 365th, in leap years too.
    ACTUAL_365 = "actual/365"
    # One 360th.
    ACTUAL_360 = "actual/360"
    # A twelfth of the rate on the average balance of each month.
    MONTHLY_AVERAGE = "monthly_average"
    # The whole year's rate of its last day on what is held then (as Taizhou, 2023).
    YEAR_END_BALANCE = "year_end_balance"


class Rounding(enum.Enum):
    """How a layer's interest becomes whole fen."""

    HALF_UP = "half_up"
    DOWN = "down"


class BookOn(enum.Enum):
    """From when on booked interest earns interest itself."""

    # From 1 January of the year after, whenever it was posted.
    NEW_YEAR = "new_year"
    # From the day on which it was posted.
    POSTING = "posting"


class DatedRate(NamedTuple):
    """A rate a year, in ppm, from a day on."""

    start_date: dt.date
    rate_ppm: int


class Layer(NamedTuple):
    """How one layer of an account earns; `rates` rise by their days, none before the first."""

    rounding: Rounding
    rates: tuple[DatedRate, ...]


class InterestRules(NamedTuple):
    """How accounts of an insurance type earn: what was paid in this year, and earlier years'."""

    insurance_type: str
    day_count: DayCount
    book_on: BookOn
    current_year: Layer
    carried: Layer


class Change(NamedTuple):
    """What came into the layers of an account on a day, negative where it left, in fen."""

    day: dt.date
    current_year_fen: int
    carried_fen: int


class Held(NamedTuple):
    """What an account held as a year began, which is all earlier years', and what moved it then.

    Balances are those at the end of a day: the day on which money comes earns, the one on which it
    leaves does not.
    """

    opening_fen: int
    changes: Sequence[Change] = ()


class Earned(NamedTuple):
    """What layers held at the end of a year and earned in it, in fen."""

    current_year_fen: int
    carried_fen: int
    current_year_interest_fen: int
    carried_interest_fen: int

    @property
    def balance_fen(self) -> int:
        """What the account held at the end of the year."""
        return self.current_year_fen + self.carried_fen

    @property
    def interest_fen(self) -> int:
        """What both layers earned."""
        return self.current_year_interest_fen + self.carried_interest_fen


class Span(NamedTuple):
    """Days of a layer under one rate, both ends included, as an explanation tells them.

    `balance_sum_fen` is the sum of its balances at the ends of these days: fen times days.
    """

    start_date: dt.date
    end_date: dt.date
    rate_ppm: int
    balance_sum_fen: int


class _Weights(NamedTuple):
    # What a fen earns that is held from a day of the year on, by number of the day, over
    # `denominator`; the last one, of nobody, is nothing.
    from_day: tuple[int, ...]
    denominator: int


def rate_on(layer: Layer, day: dt.date) -> int:
    """Returns the rate of a day, in ppm a year; none before the first."""
    rate_ppm = 0
    for each in layer.rates:
        if each.start_date <= day:
            rate_ppm = each.rate_ppm
    return rate_ppm


def days_of(year: int) -> list[dt.date]:
    """Returns the days of a calendar year."""
    first = dt.date(year, 1, 1)
    return [first + _DAY * number for number in range((dt.date(year + 1, 1, 1) - first).days)]


def _days_in_month(day: dt.date) -> int:
    first = day.replace(day=1)
    return (add_months(first, 1) - first).days


@functools.lru_cache(maxsize=64)
def _weights(layer: Layer, day_count: DayCount, year: int) -> _Weights:
    days = days_of(year)
    if day_count is DayCount.YEAR_END_BALANCE:
        own = [0] * (len(days) - 1) + [rate_on(layer, days[-1])]
        denominator = _PPM
    elif day_count is DayCount.MONTHLY_AVERAGE:
        lengths = [_days_in_month(dt.date(year, month, 1)) for month in range(1, 1 + _MONTHS)]
        common = math.lcm(*lengths)
        own = [rate_on(layer, day) * (common // lengths[day.month - 1]) for day in days]
        denominator = _PPM * _MONTHS * common
    else:
        own = [rate_on(layer, day) for day in days]
        denominator = _PPM * (365 if day_count is DayCount.ACTUAL_365 else 360)
    from_day, sum_ = [0], 0
    for weight in reversed(own):
        sum_ += weight
        from_day.append(sum_)
    return _Weights(tuple(reversed(from_day)), denominator)


def earned(rules: InterestRules | None, held: Held, year: int) -> Earned:
    """Returns what an account earned in a year, each layer rounded once; nothing without rules.

    A balance earns on each day what its change earns from its day on, so that the sum is one
    product a movement. Raises InvariantError where a layer ends or earns below nothing.
    """
    first = dt.date(year, 1, 1)
    current_fen, carried_fen = 0, held.opening_fen
    weights = _both_weights(rules, year)
    current_parts, carried_parts = 0, held.opening_fen * weights[1].from_day[0]
    for day, to_current_fen, to_carried_fen in held.changes:
        number = (day - first).days
        current_fen += to_current_fen
        carried_fen += to_carried_fen
        current_parts += to_current_fen * weights[0].from_day[number]
        carried_parts += to_carried_fen * weights[1].from_day[number]
    if min(current_fen, carried_fen) < 0:
        raise InvariantError(f"layers of an account ended {year} with less than nothing")
    if rules is None:
        return Earned(current_fen, carried_fen, 0, 0)
    return Earned(
        current_fen,
        carried_fen,
        rounded(current_parts, weights[0].denominator, rules.current_year.rounding),
        rounded(carried_parts, weights[1].denominator, rules.carried.rounding),
    )


def _both_weights(rules: InterestRules | None, year: int) -> tuple[_Weights, _Weights]:
    if rules is None:
        nothing = _Weights((0,) * 367, 1)
        return nothing, nothing
    return (
        _weights(rules.current_year, rules.day_count, year),
        _weights(rules.carried, rules.day_count, year),
    )


def rounded(parts: int, denominator: int, rounding: Rounding) -> int:
    """Returns a fraction of fen as whole fen; raises InvariantError below nothing."""
    if parts < 0:
        raise InvariantError("interest of an account comes to less than nothing")
    if rounding is Rounding.HALF_UP:
        return (2 * parts + denominator) // (2 * denominator)
    return parts // denominator


def spans(
    layer: Layer, opening_fen: int, changes: Iterable[tuple[dt.date, int]], year: int
) -> tuple[Span, ...]:
    """Returns a year of a layer in days of one rate each, day by day: slower, and written apart.

    It explains what `earned` returns, and the ledger checker computes by it.
    """
    of_day: dict[dt.date, int] = {}
    for day, change_fen in changes:
        of_day[day] = of_day.get(day, 0) + change_fen
    found: list[Span] = []
    balance_fen = opening_fen
    for day in days_of(year):
        balance_fen += of_day.get(day, 0)
        rate_ppm = rate_on(layer, day)
        if found and found[-1].rate_ppm == rate_ppm:
            last = found[-1]
            found[-1] = last._replace(
                end_date=day, balance_sum_fen=last.balance_sum_fen + balance_fen
            )
        else:
            found.append(Span(day, day, rate_ppm, balance_fen))
    return tuple(found)


def interest_by_days(
    layer: Layer,
    day_count: DayCount,
    opening_fen: int,
    changes: Iterable[tuple[dt.date, int]],
    year: int,
) -> int:
    """Returns what a layer earns, by its balance of each day; see `spans`."""
    of_day: dict[dt.date, int] = {}
    for day, change_fen in changes:
        of_day[day] = of_day.get(day, 0) + change_fen
    days = days_of(year)
    balance_fen, balances = opening_fen, []
    for day in days:
        balance_fen += of_day.get(day, 0)
        balances.append(balance_fen)
    if day_count is DayCount.YEAR_END_BALANCE:
        return rounded(balances[-1] * rate_on(layer, days[-1]), _PPM, layer.rounding)
    if day_count is DayCount.MONTHLY_AVERAGE:
        # 377,580 is a multiple of 28, 29, 30 and 31.
        whole = 377_580
        parts = sum(
            fen * rate_on(layer, day) * (whole // _days_in_month(day))
            for day, fen in zip(days, balances, strict=True)
        )
        return rounded(parts, _PPM * _MONTHS * whole, layer.rounding)
    basis = 365 if day_count is DayCount.ACTUAL_365 else 360
    parts = sum(fen * rate_on(layer, day) for day, fen in zip(days, balances, strict=True))
    return rounded(parts, _PPM * basis, layer.rounding)
