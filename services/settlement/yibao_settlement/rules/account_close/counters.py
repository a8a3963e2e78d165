"""Counters of residents' incentives (连续参保、零报销激励, 国办发〔2024〕38号), set by a close.

They are facts of the year that follows and no windows: what a late bill changes moves them not.
"""

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.calendar import full_months
from yibao_settlement.rules.enrolment import ENROLMENT_NORMAL, Enrolment

_DAY = dt.timedelta(days=1)
_MONTHS = 12


class OnClaim(enum.Enum):
    """What a year in which a fund paid does to the years without a claim."""

    # It adds none to them (as Jiangxi).
    KEEP = "keep"
    RESTART = "restart"


class UsedUp(NamedTuple):
    """A window of a year, by its name in statements, and above what of it counters restart."""

    window: str
    amount_fen: int


class CounterRules(NamedTuple):
    """How a region counts, persons of one insurance type.

    `restart_above` tells that the raised limit was used, None where nothing tells it.
    """

    insurance_type: str
    on_claim: OnClaim
    restart_above: UsedUp | None


class Claimed(NamedTuple):
    """What a closing statement of the year says: what funds bore, and windows by name."""

    fund_fen: int
    windows: Mapping[str, int]


class Counters(NamedTuple):
    """What a person begins a year with, by the names of the facts of policies.

    `months_insured` are the full months of continuous cover by then, `years_unclaimed` the years
    without a claim, None where the statement that tells it could not be taken.
    """

    insurance_type: str
    months_insured: int
    years_unclaimed: int | None

    @property
    def years_insured(self) -> int:
        """The full years of continuous cover."""
        return self.months_insured // _MONTHS


NO_CLAIM = Claimed(0, {})


def claimed_by_all(claims: Sequence[Claimed | None]) -> Claimed | None:
    """Returns what statements of one person's records say together, None where one is not known."""
    fund_fen, windows = 0, dict[str, int]()
    for each in claims:
        if each is None:
            return None
        fund_fen += each.fund_fen
        for window, amount_fen in each.windows.items():
            windows[window] = windows.get(window, 0) + amount_fen
    return Claimed(fund_fen, windows)


def cover_begin(
    enrolments: Sequence[Enrolment], insurance_type: str, *, on: dt.date
) -> tuple[dt.date, int] | None:
    """Returns since when a person is covered without a gap on a day, and what months precede it.

    Periods of one insurance type that follow each other are one; where several tell months of
    before, the first one counts, as for the fact `months_insured`. None where nothing covers `on`.
    """
    own = [
        each
        for each in enrolments
        if each.insurance_type == insurance_type and each.status == ENROLMENT_NORMAL
    ]
    ends = {each.end_date: each for each in own if each.end_date is not None}
    period = next(
        (
            each
            for each in own
            if each.start_date <= on and (each.end_date is None or on <= each.end_date)
        ),
        None,
    )
    if period is None:
        return None
    told = None
    while True:
        if period.insured_months_before is not None:
            told = period
        earlier = ends.get(period.start_date - _DAY)
        if earlier is None:
            break
        period = earlier
    if told is not None and told.insured_months_before is not None:
        return told.start_date, told.insured_months_before
    return period.start_date, 0


def counters_after(
    rules: CounterRules,
    benefit_year: int,
    enrolments: Sequence[Enrolment],
    *,
    before: int | None,
    claimed: Claimed | None,
) -> Counters | None:
    """Returns what a person begins the year after `benefit_year` with, None without cover then.

    `before` are the years without a claim that the year began with, as the close before counted
    them, None where none did: then the enrolment tells them that begins with the year, or they are
    none. `claimed` is what the year's statement says, None where it could not be taken. Only a year
    that was covered from its first day to its last adds one, and a break forgets all: a number that
    is too high raises a limit.
    """
    last = dt.date(benefit_year, 12, 31)
    begin = cover_begin(enrolments, rules.insurance_type, on=last)
    if begin is None:
        return None
    start_date, months_before = begin
    months = months_before + full_months(start_date, last + _DAY)
    if claimed is None:
        return Counters(rules.insurance_type, months, None)
    is_whole = months >= _MONTHS
    known = before if before is not None else _told(enrolments, rules.insurance_type, benefit_year)
    years = known if is_whole else 0
    above = rules.restart_above
    if above is not None and claimed.windows.get(above.window, 0) > above.amount_fen:
        years = 0
    elif claimed.fund_fen > 0:
        years = 0 if rules.on_claim is OnClaim.RESTART else years
    elif is_whole:
        years += 1
    return Counters(rules.insurance_type, months, years)


def _told(enrolments: Sequence[Enrolment], insurance_type: str, benefit_year: int) -> int:
    """Returns the years that the agency told for a year, none where it told none."""
    told = [
        each.years_unclaimed
        for each in enrolments
        if each.insurance_type == insurance_type
        and each.start_date.year == benefit_year
        and each.years_unclaimed is not None
    ]
    return max(told, default=0)


def cap_bonus_fen(counters: Counters, *, year_fen: int, unclaimed_fen: int, most_fen: int) -> int:
    """Returns by how much the cap of the catastrophic insurance rises in the year that follows.

    That year is one more of continuous cover: from the fifth on each adds `year_fen`, and each
    year without a claim `unclaimed_fen`, at most `most_fen` together.
    """
    years = max(0, counters.years_insured + 1 - 4)
    return min(most_fen, year_fen * years + unclaimed_fen * (counters.years_unclaimed or 0))
