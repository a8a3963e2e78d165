"""Days and instants: days are of Asia/Shanghai, instants are aware and in UTC."""

import datetime as dt

from yibao_common.values.errors import InvariantError

# China has kept one zone without summer time since 1992, so a fixed offset is exact
# and needs no time zone database.
SHANGHAI = dt.timezone(dt.timedelta(hours=8), "Asia/Shanghai")


def shanghai_day(instant: dt.datetime) -> dt.date:
    """Returns the calendar day in Asia/Shanghai of an aware `instant`."""
    if instant.tzinfo is None:
        raise InvariantError("an instant without a zone is of no day")
    return instant.astimezone(SHANGHAI).date()


def shanghai_midnight(day: dt.date) -> dt.datetime:
    """Returns the instant, in UTC, at which `day` begins in Asia/Shanghai."""
    return dt.datetime.combine(day, dt.time(), SHANGHAI).astimezone(dt.UTC)


def full_years(birth: dt.date, on: dt.date) -> int:
    """Returns the age in full years on the day `on`; born on 29 February, a year is
    full on 1 March of common years.
    """
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def full_months(first: dt.date, on: dt.date) -> int:
    """Returns the full calendar months from the day `first` to the day `on`, not before it.

    A month is full on the day of the same number, or on the last day of a month that has
    none: from 31 January one is full on 28 February.
    """
    months = (on.year - first.year) * 12 + on.month - first.month
    return months - (add_months(first, months) > on)


def add_months(day: dt.date, months: int) -> dt.date:
    """Returns `day` moved by calendar months, clamped to the end of the month."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    month += 1
    for last in (day.day, 30, 29, 28):
        try:
            return dt.date(year, month, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("unreachable: every month has 28 days")
