"""What identity told of a person: alive or not, whose duplicate, insured from when to when."""

import datetime as dt
import enum
from dataclasses import dataclass, field


class PeriodStatus(enum.IntEnum):
    """Whether a period pays benefits (psn_insu_stas), by its number in the contract."""

    NORMAL = 1
    SUSPENDED = 2
    ENDED = 4


@dataclass(frozen=True, slots=True)
class Period:
    """A period of cover in the region, its first and last day included.

    `end_date` is None while it is open; `insurance_type` is a code (insutype), `status` a
    number (psn_insu_stas), which may be one that this version does not know.
    """

    insurance_type: str
    status: int
    start_date: dt.date
    end_date: dt.date | None

    def holds_on(self, day: dt.date) -> bool:
        """Tells whether a day lies in the period."""
        return self.start_date <= day and (self.end_date is None or day <= self.end_date)


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person as identity's feed told it; the name is masked, and never printed even so.

    `merged_into` is the person that this one was a duplicate of, who may be one itself.
    """

    person_id: str
    birth_date: dt.date
    death_date: dt.date | None
    merged_into: str | None
    periods: tuple[Period, ...]
    person_name_masked: str = field(default="", repr=False)

    def is_enrolled_on(self, day: dt.date) -> bool:
        """Tells whether the region insures the person on a day, suspended or not."""
        return any(
            each.status != PeriodStatus.ENDED and each.holds_on(day) for each in self.periods
        )
