"""Working days (工作日): Monday to Friday but for holidays, and the weekend days worked for them.

The State Council tells each year which days are off and which days of weekends are worked in
their place (调休). Of a year that was not told of, Monday to Friday are working days: a term that
reaches into it may end on a holiday, or be some days shorter than it should be.
"""

import datetime as dt
from dataclasses import dataclass, field

_DAY = dt.timedelta(days=1)
_SATURDAY = 5
# The next year is told of in November, and usual terms reach some weeks ahead.
ENDS_SOON = dt.timedelta(days=60)


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Which days are worked: `days_off` and `days_worked` differ from the week.

    `years` are those that the holidays are told of.
    """

    days_off: frozenset[dt.date] = field(default=frozenset())
    days_worked: frozenset[dt.date] = field(default=frozenset())
    years: frozenset[int] = field(default=frozenset())

    def is_working_day(self, day: dt.date) -> bool:
        """Tells whether `day`, of Asia/Shanghai, is worked."""
        if day in self.days_worked:
            return True
        return day.weekday() < _SATURDAY and day not in self.days_off

    def told_until(self, today: dt.date) -> dt.date:
        """Returns until which day, without a gap from `today` on, the holidays are told of.

        It lies before `today` where they are not told of this year.
        """
        year = today.year
        if year not in self.years:
            return dt.date(
                max((each for each in self.years if each < year), default=year - 1), 12, 31
            )
        while year + 1 in self.years:
            year += 1
        return dt.date(year, 12, 31)

    def after(self, day: dt.date, working_days: int) -> dt.date:
        """Returns the last day of a term of so many working days that `day` begins.

        The day itself does not count (民法典, article 201), whether it is worked or not: a term
        of one working day that begins on a Friday ends on Monday. Of no working days it is the
        day itself.
        """
        left = working_days
        while left > 0:
            day += _DAY
            left -= self.is_working_day(day)
        return day
