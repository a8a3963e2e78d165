"""Which days a life may hold: what lies beyond it was mistyped."""

import datetime as dt

from yibao_common.values.errors import FieldFault
from yibao_common.values.reasons import Reason

# Nobody was ever this old.
MOST_YEARS = 130


def end_faults(end_date: dt.date | None, *, birth_date: dt.date) -> list[FieldFault]:
    """Returns the fault of a last day that nobody lives to see; `end_date` may be absent."""
    if end_date is None or end_date.year - birth_date.year <= MOST_YEARS:
        return []
    message = f"lies over {MOST_YEARS} years after birth; leave it away while the end is open"
    return [FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, message)]


def premium_faults(
    receive_date: dt.date, *, birth_date: dt.date, today: dt.date, field: str
) -> list[FieldFault]:
    """Returns the fault of the day on which a premium is said to have been received."""
    if receive_date > today:
        return [FieldFault(field, Reason.FIELD_OUT_OF_RANGE, "lies in the future")]
    if receive_date < birth_date:
        return [FieldFault(field, Reason.FIELD_OUT_OF_RANGE, "lies before birth")]
    return []
