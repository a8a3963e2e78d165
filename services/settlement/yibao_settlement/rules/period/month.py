"""Clearing periods: calendar months in Asia/Shanghai, of the funds and of each institution.

A month is a number such as 202611 (`clr_ym`). Every posting is of the month of its time; a
month that has ended takes nothing any more, and what comes later is of the month that is open
then, with a reference to the month that it changes something of.
"""

import datetime as dt
import functools
from typing import NamedTuple

from yibao_common.values.calendar import add_months, shanghai_day, shanghai_midnight


@functools.lru_cache(maxsize=64)
def month_of(instant: dt.datetime) -> int:
    """Returns the month in which an aware instant lies."""
    day = shanghai_day(instant)
    return day.year * 100 + day.month


def is_month(number: int) -> bool:
    """Tells whether a number is a month of an insurance system that began in 1998."""
    return 1998 <= number // 100 <= 2999 and 1 <= number % 100 <= 12


def first_day(month: int) -> dt.date:
    """Returns the first day of a month."""
    return dt.date(month // 100, month % 100, 1)


def next_month(month: int) -> int:
    """Returns the month after one."""
    day = add_months(first_day(month), 1)
    return day.year * 100 + day.month


def end_of(month: int) -> dt.datetime:
    """Returns the instant, in UTC, at which a month is over."""
    return shanghai_midnight(add_months(first_day(month), 1))


def first_instant(month: int) -> dt.datetime:
    """Returns the instant, in UTC, at which a month begins."""
    return shanghai_midnight(first_day(month))


class PostingFence(NamedTuple):
    """What every posting lies behind: its id is greater, its month is a later one.

    `ended_month` is 0 where no month has been ended.
    """

    posting_id: str = ""
    ended_month: int = 0

    def time(self, now: dt.datetime) -> dt.datetime:
        """Returns when something is posted by a clock that says `now`: in no month that ended.

        A month is ended only once it is over, so a clock that says otherwise is behind that of
        the process which ended it.
        """
        return max(now, end_of(self.ended_month)) if self.ended_month else now


def original_month(changed_time: dt.datetime | None, month: int) -> int | None:
    """Returns the month of what a posting of `month` changes, None where it is the same one.

    `changed_time` is when that was posted, None where nothing is changed.
    """
    if changed_time is None:
        return None
    changed = month_of(changed_time)
    return changed if changed != month else None
