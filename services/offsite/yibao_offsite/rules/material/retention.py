"""For how long papers are kept: commitment letters two years at least (JS75 annex 1)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from yibao_offsite.rules.material.kinds import COMMITMENT_LETTER, KINDS
from yibao_offsite.rules.material.material import Use

# Fewer years no configuration may name.
LEAST_YEARS = {COMMITMENT_LETTER: 2}
DEFAULT_YEARS = 10


class LastUses(NamedTuple):
    """Until which day all that a paper was for has ended, by its kind and for kinds not listed."""

    by_kind: Mapping[str, dt.date]
    otherwise: dt.date


def keep_years(kind: str, configured: Mapping[str, int]) -> int:
    """Returns for how many years a paper of a kind is kept after the last thing it was for."""
    return max(configured.get(kind, _default(kind)), LEAST_YEARS.get(kind, 0))


def keep_until(kind: str, uses: Sequence[Use], configured: Mapping[str, int]) -> dt.date | None:
    """Returns the last day on which a paper that was used is kept; None while a use goes on."""
    ends = [use.end_date for use in uses]
    if not ends or None in ends:
        return None
    return _years_later(max(end for end in ends if end), keep_years(kind, configured))


def may_be_over(today: dt.date, configured: Mapping[str, int]) -> LastUses:
    """Returns what must have ended by which day for a paper to be kept no longer on `today`."""
    return LastUses(
        {kind: _years_later(today, -keep_years(kind, configured)) for kind in KINDS},
        _years_later(today, -DEFAULT_YEARS),
    )


def _default(kind: str) -> int:
    return LEAST_YEARS.get(kind, DEFAULT_YEARS)


def _years_later(day: dt.date, years: int) -> dt.date:
    """Returns the same day of a later or an earlier year; 28 February where that has no 29th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
