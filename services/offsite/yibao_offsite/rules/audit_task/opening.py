"""What a new audit task has to name, and by when it is due."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_common.values.working_days import WorkingCalendar
from yibao_offsite.rules.audit_task.assistance import Assistance
from yibao_offsite.rules.audit_task.task import Subject, TaskType

_PERSON = "person_id"
# What each type names of its subject. Complaints are followed as they come.
NAMED: Mapping[TaskType, tuple[str, ...]] = {
    TaskType.ON_SITE: (_PERSON, "institution_id"),
    TaskType.POST_SURGERY_VISIT: (_PERSON, "visit_id"),
    TaskType.ADMISSION_CHECK: (_PERSON, "institution_id", "admission_declaration_id"),
    TaskType.SELF_SERVICE_CHECK: (_PERSON, "registration_id"),
    TaskType.ASSISTANCE_CHECK: (_PERSON, "institution_id", "visit_id"),
    TaskType.COMPLAINT: ("complaint_id",),
}


@dataclass(frozen=True, slots=True)
class AuditTerms:
    """The terms of audits, as the service is told; days are working days where it says so.

    `due_working_days` are those of each type, `answer_day` is the day of the next month by which
    an assistance check is answered, `confirm_working_days` those in which the answer is confirmed.
    """

    due_working_days: Mapping[TaskType, int]
    minimum_fen: int
    answer_day: int
    confirm_working_days: int
    calendar: WorkingCalendar = field(default_factory=WorkingCalendar)

    def due(self, type: TaskType, today: dt.date) -> dt.date:
        """Returns by which day a task of `today` is reported where its opener does not say."""
        return self.calendar.after(today, self.due_working_days[type])

    def confirm_due(self, answered: dt.date) -> dt.date:
        """Returns by which day an answer of the day `answered` is confirmed."""
        return self.calendar.after(answered, self.confirm_working_days)


def check_named(
    type: TaskType,
    subject: Subject,
    assistance: Assistance | None,
    *,
    due_date: dt.date | None,
    today: dt.date,
) -> None:
    """Checks that a task names what its type asks for.

    Raises:
        RuleError: FIELD_REQUIRED or FIELD_OUT_OF_RANGE with all fields at fault.
    """
    faults = [
        FieldFault(name, Reason.FIELD_REQUIRED, f"is required for {type.name}")
        for name in NAMED[type]
        if not getattr(subject, name)
    ]
    is_asked = type is TaskType.ASSISTANCE_CHECK
    if is_asked and assistance is None:
        message = f"is required for {type.name}"
        faults.append(FieldFault("assistance", Reason.FIELD_REQUIRED, message))
    if not is_asked and assistance is not None:
        message = f"is no part of {type.name}"
        faults.append(FieldFault("assistance", Reason.FIELD_OUT_OF_RANGE, message))
    if due_date is not None and due_date < today:
        faults.append(FieldFault("due_date", Reason.FIELD_OUT_OF_RANGE, "is over"))
    refuse_faults(faults)
