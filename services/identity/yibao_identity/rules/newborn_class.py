"""The class of newborns (新生儿, psn_type 1401): who is enrolled in it, by whatever call (T-16)."""

import datetime as dt

from yibao_common.values.calendar import add_months
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

NEWBORN_CLASS = "1401"

_MONTHS = 3


def latest_enrol_date(birth_date: dt.date) -> dt.date:
    """Returns the last day to enrol: three calendar months after birth (T-16)."""
    return add_months(birth_date, _MONTHS)


def check_newborn(*days: dt.date, birth_date: dt.date) -> None:
    """Refuses to enrol as a newborn where one of `days` lies too long after birth.

    Of a call that does not state when the parents enrolled the child, the days are its own
    and the first one of cover: else the three months would hold for one call alone.

    Raises:
        RuleError: NEWBORN_ENROLMENT_LATE.
    """
    latest = latest_enrol_date(birth_date)
    if max(days) > latest:
        raise RuleError(
            Reason.NEWBORN_ENROLMENT_LATE,
            f"a newborn is enrolled by {latest}, three months after birth",
            latest_date=latest.isoformat(),
        )
