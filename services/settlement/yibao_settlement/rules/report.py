"""What an agency's figures are told by, and which days they may be of."""

import datetime as dt
import enum

# Days of one answer: a leap year.
MOST_DAYS = 366


class FigureBy(enum.IntEnum):
    """What acts are told by, by the numbers of the contract."""

    DAY = 1
    MONTH = 2
    INSTITUTION = 3
    INSURANCE_TYPE = 4
    CARE_TYPE = 5
    FUND = 6


class RefusalBy(enum.IntEnum):
    """What refusals are told by, by the numbers of the contract."""

    REASON = 1
    INSTITUTION = 2
    METHOD = 3
    DAY = 4


def days_problem(start: dt.date, end: dt.date) -> str:
    """Returns why figures are not told of these days, both included; empty where they are."""
    if end < start:
        return f"comes before {start}, the first day"
    if (end - start).days >= MOST_DAYS:
        return f"is more than {MOST_DAYS} days after the first: ask for a year at most"
    return ""
