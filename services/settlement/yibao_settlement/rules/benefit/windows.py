"""Windows: the spans in which deductibles, brackets, counts and limits live."""

import datetime as dt
import enum
from dataclasses import dataclass


class Window(enum.Enum):
    """A span of a person's bills, by its name in files; smaller ones stand first."""

    BILL = "bill"
    DAY = "day"
    MONTH = "month"
    PERIOD = "period"
    STAY = "stay"
    YEAR = "year"

    def is_smaller_than(self, other: "Window") -> bool:
        """Tells whether several of this can lie in one of `other`."""
        order = list(Window)
        return order.index(self) < order.index(other)


class NewYear(enum.Enum):
    """Which year a stay over New Year belongs to: that of discharge, admission, or both."""

    DISCHARGE = "discharge"
    ADMISSION = "admission"
    SPLIT = "split"


class SplitDeductible(enum.Enum):
    """What becomes of the deductible of a stay that New Year splits.

    ONCE: the amount as fixed in the old year goes on. MAKE_UP: the amount of the new year
    less what the stay has paid. AGAIN: a new window.
    """

    ONCE = "once"
    MAKE_UP = "make_up"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Windows:
    """How a policy's windows are cut.

    A visit that goes on from another (transfer) joins its stay if it was admitted at most
    `joins_transfers_within_days` after the other's last bill; None joins none. The facts of
    the person are those of discharge (the bill's last day) or of admission. A period has
    `period_days` from admission; None where the file says none. A year starts at month and
    day `year_starts`.
    """

    joins_transfers_within_days: int | None = None
    facts_of_admission: bool = False
    period_days: int | None = None
    year_starts: tuple[int, int] = (1, 1)
    new_year: NewYear = NewYear.DISCHARGE
    split_deductible: SplitDeductible = SplitDeductible.ONCE


def year_of(day: dt.date, starts: tuple[int, int]) -> int:
    """Returns the year that a day is of, where years start at a month and day."""
    return day.year if starts == (1, 1) or (day.month, day.day) >= starts else day.year - 1


def years_of(windows: Windows, *, admission_date: dt.date, day: dt.date) -> range:
    """Returns the years that a bill of a stay up to `day` can be of."""
    last = year_of(day, windows.year_starts)
    if windows.new_year is NewYear.DISCHARGE:
        return range(last, last + 1)
    first = year_of(admission_date, windows.year_starts)
    return range(first, (first if windows.new_year is NewYear.ADMISSION else last) + 1)


@dataclass(frozen=True, slots=True)
class Count:
    """The number of a bill's window `of` among those of its window `within`, by `per`.

    Only care of `care_groups` takes a number; None is any.
    """

    name: str
    of: Window
    within: Window
    per: tuple[str, ...]
    care_groups: tuple[str, ...] | None
