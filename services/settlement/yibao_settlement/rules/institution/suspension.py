"""Who is suspended, and what becomes of what they order (S2, 支付资格管理).

A suspension has charge days. What an institution, a department or a doctor orders on one of
them is not payable, but as an emergency: such a line is refused by itself, or is the
institution's own cost where the region says so. The person is charged for it in neither case.
"""

import datetime as dt
import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import ChargedLine, RefusedLine, refused
from yibao_settlement.rules.care_type import CARE_TYPES, CareKind


class SuspendedKind(enum.IntEnum):
    """Who is suspended."""

    INSTITUTION = 1
    DEPARTMENT = 2
    DOCTOR = 3


class Suspension(NamedTuple):
    """Days, both ends included, on which what somebody orders is not payable.

    `institution_id` is empty of a doctor, `code` of an institution. `name` is what lines called a
    department when it was suspended. `lift_time` is when it was lifted; `lift_last_date` the last
    day that stays suspended, None where none does.
    """

    suspension_id: str
    kind: SuspendedKind
    institution_id: str
    code: str
    name: str
    start_date: dt.date
    end_date: dt.date | None
    reason: str
    suspend_time: dt.datetime
    suspended_by: str
    lift_time: dt.datetime | None = None
    lifted_by: str = ""
    lift_last_date: dt.date | None = None
    lift_reason: str = ""

    def holds_on(self, day: dt.date) -> bool:
        """Tells whether what is charged on `day` is not payable."""
        if self.lift_time is not None and self.lift_last_date is None:
            return False
        last = self.lift_last_date or self.end_date
        return self.start_date <= day and (last is None or day <= last)


NOTHING_RENAMED: Mapping[tuple[str, str], str] = {}


class Suspended(NamedTuple):
    """The suspensions of a region, by whom they are of."""

    institutions: Mapping[str, Sequence[Suspension]]
    # By institution, code or name.
    departments: Mapping[tuple[str, str], Sequence[Suspension]]
    doctors: Mapping[str, Sequence[Suspension]]

    @classmethod
    def of(
        cls,
        suspensions: Iterable[Suspension],
        names: Mapping[tuple[str, str], str] = NOTHING_RENAMED,
    ) -> "Suspended":
        """Returns suspensions by whom they are of; those lifted altogether are left out.

        `names` are what departments are called by now, by institution and code.
        """
        institutions: dict[str, list[Suspension]] = {}
        departments: dict[tuple[str, str], list[Suspension]] = {}
        doctors: dict[str, list[Suspension]] = {}
        for each in suspensions:
            if each.lift_time is not None and each.lift_last_date is None:
                continue
            if each.kind is SuspendedKind.INSTITUTION:
                institutions.setdefault(each.institution_id, []).append(each)
            elif each.kind is SuspendedKind.DOCTOR:
                doctors.setdefault(each.code, []).append(each)
            else:
                by_now = names.get((each.institution_id, each.code), "")
                for called in {each.code, each.name, by_now} - {""}:
                    departments.setdefault((each.institution_id, called), []).append(each)
        return cls(institutions, departments, doctors)

    def __bool__(self) -> bool:
        """Tells whether anybody is suspended."""
        return bool(self.institutions or self.departments or self.doctors)


NOBODY_SUSPENDED = Suspended.of(())


def is_exempt(care_type: str) -> bool:
    """Tells whether care is payable whoever is suspended: emergencies are."""
    known = CARE_TYPES.get(care_type)
    return known is not None and known.kind is CareKind.EMERGENCY


def check_not_suspended(
    suspended: Suspended, institution_id: str, *, care_type: str, on: dt.date
) -> None:
    """Raises INSTITUTION_SUSPENDED where an institution is on a day, but for emergencies."""
    if is_exempt(care_type):
        return
    for each in suspended.institutions.get(institution_id, ()):
        if each.holds_on(on):
            raise RuleError(
                Reason.INSTITUTION_SUSPENDED,
                f"institution {institution_id} is suspended on {on.isoformat()}",
                institution_id=institution_id,
                date=on.isoformat(),
            )


def barred_lines(
    lines: Sequence[ChargedLine],
    suspended: Suspended,
    institution_id: str,
    *,
    care_type: str,
    last: dt.date,
    is_borne: bool,
) -> dict[int, RefusedLine]:
    """Returns the lines that are not payable because of who ordered them, by number.

    `last` is the service date of their bill. Where it `is_borne` by the institution they are
    refused as that, else to be corrected.
    """
    if not suspended or is_exempt(care_type):
        return {}
    found = {}
    of_institution = suspended.institutions.get(institution_id, ())
    for line in lines:
        fault = _fault(line, line.day(last), suspended, of_institution, institution_id)
        if fault is not None:
            reason = Reason.LINE_BORNE_BY_INSTITUTION if is_borne else fault.reason
            found[line.line_number] = refused(line, fault.field, reason, fault.message)
    return found


def _fault(
    line: ChargedLine,
    day: dt.date,
    suspended: Suspended,
    of_institution: Sequence[Suspension],
    institution_id: str,
) -> FieldFault | None:
    """Returns why a line is not payable; it names codes, and nobody's name."""
    if any(each.holds_on(day) for each in of_institution):
        message = f"the institution is suspended on {day.isoformat()}"
        return FieldFault("charge_date", Reason.INSTITUTION_SUSPENDED, message)
    origin = None if line.details is None else line.details.origin
    if origin is None:
        return None
    if origin.doctor_code and any(
        each.holds_on(day) for each in suspended.doctors.get(origin.doctor_code, ())
    ):
        message = f"doctor {origin.doctor_code} is suspended on {day.isoformat()}"
        return FieldFault("origin.doctor_code", Reason.DOCTOR_SUSPENDED, message)
    for each in suspended.departments.get((institution_id, origin.department), ()):
        if each.holds_on(day):
            message = f"department {each.code} is suspended on {day.isoformat()}"
            return FieldFault("origin.department", Reason.DEPARTMENT_SUSPENDED, message)
    return None
