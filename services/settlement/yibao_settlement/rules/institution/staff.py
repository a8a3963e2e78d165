"""Departments and doctors of institutions."""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from yibao_common.values.errors import FieldFault
from yibao_common.values.reasons import Reason


class Department(NamedTuple):
    """A department of an institution; `department_code` is the institution's own."""

    institution_id: str
    department_code: str
    department_name: str
    national_department_code: str
    start_date: dt.date
    end_date: dt.date | None = None


class Doctor(NamedTuple):
    """A doctor of an institution; `doctor_code` is the person's, wherever at work."""

    institution_id: str
    doctor_code: str
    doctor_name: str
    department_code: str
    start_date: dt.date
    end_date: dt.date | None = None


def days_faults(start_date: dt.date, end_date: dt.date | None) -> Iterator[FieldFault]:
    """Yields the fault of days that end before they begin."""
    if end_date is not None and end_date < start_date:
        message = f"lies before the first day, {start_date.isoformat()}"
        yield FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, message)
