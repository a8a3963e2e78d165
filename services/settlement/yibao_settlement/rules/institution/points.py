"""Points of doctors (驾照式记分): what they bring, by the region's configuration.

Points count in the calendar year of their day. What the levels are is stated by provinces; how
many months a suspension lasts is not told alike anywhere, so every number is configuration.
"""

import datetime as dt
from typing import NamedTuple

from yibao_common.values.calendar import add_months

_MONTHS_A_YEAR = 12


class PointsTerms(NamedTuple):
    """From how many points of a year on a doctor is suspended, and for how long.

    At `end_from_points` the qualification ends: for `end_years`, or for `end_at_once_years` where
    one act brought that many.
    """

    suspend_from_points: int = 9
    suspend_months: int = 3
    end_from_points: int = 12
    end_years: int = 1
    end_at_once_years: int = 3


POINTS_TERMS = PointsTerms()


class DoctorPoints(NamedTuple):
    """Points that a doctor was given, of a day."""

    points_id: str
    doctor_code: str
    points: int
    points_date: dt.date
    reason: str
    add_time: dt.datetime
    added_by: str


def suspended_days(
    before: int, added: int, terms: PointsTerms, *, start: dt.date
) -> tuple[dt.date, dt.date] | None:
    """Returns the days that a doctor is suspended by points added to those of the year before.

    Both included, from `start` on; None where the points do not come to that.
    """
    total = before + added
    if total >= terms.end_from_points:
        at_once = added >= terms.end_from_points
        months = _MONTHS_A_YEAR * (terms.end_at_once_years if at_once else terms.end_years)
    elif total >= terms.suspend_from_points:
        months = terms.suspend_months
    else:
        return None
    return start, add_months(start, months) - dt.timedelta(days=1)
