"""Opening audit tasks, and giving them to operators."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yibao_common.commands.request import Request
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.application.audit_task.desk import (
    AtTask,
    AuditDesk,
    Encode,
    locked_task,
    put_on_record,
)
from yibao_offsite.rules.admission_declaration import declaration_not_found
from yibao_offsite.rules.audit_task.assistance import Assistance, answer_due, check_asked
from yibao_offsite.rules.audit_task.opening import check_named
from yibao_offsite.rules.audit_task.states import TaskAct
from yibao_offsite.rules.audit_task.task import AuditTask, Subject, TaskType
from yibao_offsite.rules.registration.registration import registration_not_found

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


@dataclass(frozen=True, slots=True)
class OpenAuditTask:
    """Opens a task; without `due_date` the terms of its type say it.

    The day by which `assistance` is to be answered is not the caller's to say.
    """

    request: Request
    type: TaskType
    subject: Subject
    reason: str
    due_date: dt.date | None
    assistance: Assistance | None


def open_task(desk: AuditDesk, command: OpenAuditTask, encode: Encode) -> bytes:
    """Opens a task once by request id and returns the answer's bytes.

    Raises:
        RuleError: FIELD_REQUIRED or FIELD_OUT_OF_RANGE, ASSISTANCE_BELOW_MINIMUM,
            PERSON_NOT_FOUND, PERSON_MERGED, REGISTRATION_NOT_FOUND,
            ADMISSION_DECLARATION_NOT_FOUND, in this order; REQUEST_ID_REUSED.
    """
    return desk.transactions.once(
        command.request, lambda work: encode(_opened(work, desk, command))
    )


def assign_task(desk: AuditDesk, command: AtTask, assignee: str, encode: Encode) -> bytes:
    """Gives a task to an operator; `assignee` is the path of its certificate.

    Raises:
        RuleError: AUDIT_TASK_NOT_FOUND, AUDIT_TASK_STATE, REQUEST_ID_REUSED.
    """

    def assign(work: "Work") -> bytes:
        task = locked_task(work, command.task_id).after(TaskAct.ASSIGN)
        task = replace(task, assignee=assignee)
        work.audit_tasks.update(task)
        detail = {"assignee": assignee}
        put_on_record(
            work,
            command.request,
            task,
            TaskAct.ASSIGN,
            at=desk.clock(),
            told=assignee,
            detail=detail,
        )
        return encode(task)

    return desk.transactions.once(command.request, assign)


def new_task(
    work: "Work",
    desk: AuditDesk,
    request: Request,
    type: TaskType,
    subject: Subject,
    *,
    reason: str,
    due_date: dt.date,
    assistance: Assistance | None = None,
) -> AuditTask:
    """Stores a new task of what was checked, with its event and row of the audit."""
    now = desk.clock()
    task = AuditTask(
        request.region,
        desk.ids(),
        type,
        subject,
        reason,
        due_date,
        request.caller.path,
        now,
        assistance=assistance,
    )
    work.audit_tasks.insert(task)
    put_on_record(work, request, task, TaskAct.OPEN, at=now, detail={"type": type.name})
    return task


def _opened(work: "Work", desk: AuditDesk, command: OpenAuditTask) -> AuditTask:
    request, today = command.request, desk.today()
    if command.type is TaskType.COMPLAINT:
        message = "is opened by AcceptComplaint"
        refuse_faults([FieldFault("task_type", Reason.FIELD_OUT_OF_RANGE, message)])
    assistance = command.assistance
    check_named(command.type, command.subject, assistance, due_date=command.due_date, today=today)
    due = command.due_date or desk.terms.due(command.type, today)
    if assistance is not None:
        check_asked(
            assistance,
            region=request.region,
            minimum_fen=desk.terms.minimum_fen,
            today=today,
        )
        answer = answer_due(today, answer_day=desk.terms.answer_day)
        assistance = replace(assistance, answer_due_date=answer)
        due = command.due_date or answer
    _check_subject(work, command.subject)
    return new_task(
        work,
        desk,
        request,
        command.type,
        command.subject,
        reason=command.reason,
        due_date=due,
        assistance=assistance,
    )


def _check_subject(work: "Work", subject: Subject) -> None:
    person_id = subject.person_id
    check_insured(work, person_id)
    if work.persons.is_followed():
        known = work.persons.find(person_id)
        if known is not None and known.merged_into is not None:
            raise RuleError(
                Reason.PERSON_MERGED,
                f"person {person_id} is a duplicate of {known.merged_into}",
                person_id=person_id,
                merged_into=known.merged_into,
            )
    if subject.registration_id:
        check_registration(work, subject.registration_id, person_id)
    if subject.admission_declaration_id:
        declaration = work.declarations.find(subject.admission_declaration_id)
        told = (person_id, subject.institution_id)
        if declaration is None or (declaration.person_id, declaration.institution_id) != told:
            raise declaration_not_found(subject.admission_declaration_id)


def check_insured(work: "Work", person_id: str) -> None:
    """Refuses whom the region never insured, as far as it follows whom it does.

    Raises:
        RuleError: PERSON_NOT_FOUND.
    """
    if work.persons.is_followed() and work.persons.find(person_id) is None:
        raise RuleError(Reason.PERSON_NOT_FOUND, f"no person {person_id}", person_id=person_id)


def check_registration(work: "Work", registration_id: str, person_id: str) -> None:
    """Refuses a registration that is not the person's; `person_id` is empty where of anyone.

    Raises:
        RuleError: REGISTRATION_NOT_FOUND.
    """
    registration = work.registrations.find(registration_id)
    if registration is None or person_id not in ("", registration.person_id):
        raise registration_not_found(registration_id)
