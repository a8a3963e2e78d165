"""Messages of audits to what is asked."""

import datetime as dt
import uuid

from yibao.offsite.v1 import audit_service_pb2 as pb
from yibao.offsite.v1 import audit_task_pb2 as messages
from yibao_common.commands.request import Request
from yibao_common.rpc.wire import known, to_date, to_optional_date
from yibao_common.values.caller import Role, parse_caller
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.application.audit_task.opening import OpenAuditTask
from yibao_offsite.application.audit_task.rows import Place, TaskWish
from yibao_offsite.application.audit_task.working import Found
from yibao_offsite.rules.audit_task.assistance import Assistance, AssistanceAnswer
from yibao_offsite.rules.audit_task.evidence import EvidencePurpose
from yibao_offsite.rules.audit_task.states import TaskState
from yibao_offsite.rules.audit_task.task import AuditOutcome, FindingKind, Subject, TaskType

_TYPES = {int(each): each for each in TaskType}
_STATES = {int(each): each for each in TaskState}
_OUTCOMES = {int(each): each for each in AuditOutcome}
_KINDS = {int(each): each for each in FindingKind}
_ANSWERS = {int(each): each for each in AssistanceAnswer}
_PURPOSES = {int(each): each for each in EvidencePurpose}


def open_command(request: pb.OpenAuditTaskRequest, made: Request) -> OpenAuditTask:
    """Returns what is opened. Raises RuleError FIELD_OUT_OF_RANGE."""
    subject = Subject(
        request.person_id,
        request.institution_id,
        request.visit_id,
        request.registration_id,
        request.admission_declaration_id,
    )
    assistance = _assistance(request.assistance) if request.HasField("assistance") else None
    return OpenAuditTask(
        made,
        known(_TYPES, request.task_type, field="task_type", what="type of task"),
        subject,
        request.reason,
        to_optional_date(request, "due_date"),
        assistance,
    )


def found(request: pb.RecordAuditFindingRequest) -> Found:
    """Returns what is found. Raises RuleError FIELD_OUT_OF_RANGE or FIELD_REQUIRED."""
    kind = known(_KINDS, request.finding_kind, field="finding_kind", what="kind of finding")
    is_false = kind is FindingKind.FALSE_STATEMENT
    if is_false and not request.registration_id:
        message = f"is required for {kind.name}"
        refuse_faults([FieldFault("registration_id", Reason.FIELD_REQUIRED, message)])
    return Found(kind, request.finding_text, request.amount_fen, request.registration_id)


def outcome(number: int) -> AuditOutcome:
    """Returns what came out. Raises RuleError FIELD_OUT_OF_RANGE."""
    return known(_OUTCOMES, number, field="outcome", what="outcome")


def answer(number: int) -> AssistanceAnswer:
    """Returns what a place of treatment answers. Raises RuleError FIELD_OUT_OF_RANGE."""
    return known(_ANSWERS, number, field="assistance_answer", what="answer")


def purpose(number: int) -> EvidencePurpose:
    """Returns what evidence is read for. Raises RuleError FIELD_OUT_OF_RANGE."""
    return known(_PURPOSES, number, field="reading_purpose", what="purpose")


def operator_path(region: str, assignee: str) -> str:
    """Returns the path of an operator's certificate by its last part, or by the whole of it.

    Answers tell the whole one. What no certificate bears would have a task that nobody begins.

    Raises:
        RuleError: FIELD_MALFORMED.
    """
    agency = f"{Role.AGENCY.value}/{region}/"
    path = assignee if assignee.startswith(agency) else agency + assignee
    try:
        parse_caller(path)
    except RuleError:
        message = "is no operator's name, as the last part of its certificate's path"
        refuse_faults([FieldFault("assignee", Reason.FIELD_MALFORMED, message)])
    return path


def task_wish(request: pb.ListAuditTasksRequest) -> TaskWish:
    """Returns which tasks are asked for. Raises RuleError FIELD_OUT_OF_RANGE, FIELD_MALFORMED."""
    assignee, state, type = request.assignee, request.state, request.task_type
    return TaskWish(
        due_until=to_optional_date(request, "due_end_date"),
        state=known(_STATES, state, field="state", what="state") if state else None,
        only_open=request.only_open,
        assignee=operator_path(request.region, assignee) if assignee else None,
        type=known(_TYPES, type, field="task_type", what="type of task") if type else None,
        institution_id=request.institution_id or None,
        person_ids=(request.person_id,) if request.person_id else (),
    )


def place_text(due_date: dt.date, id: str) -> str:
    """Returns a place in lists by due day, then by id."""
    return f"{due_date.isoformat()}/{id}"


def place_of(text: str) -> Place:
    """Returns the place that a text is. Raises ValueError where it is none."""
    day, _, id = text.partition("/")
    place = Place(dt.date.fromisoformat(day), str(uuid.UUID(id)))
    if place_text(*place) != text:
        raise ValueError("a place is a day and an id")
    return place


def _assistance(asked: messages.AssistanceCheck) -> Assistance:
    return Assistance(
        asked.treatment_region,
        asked.inpatient_number,
        to_date(asked.admission_date),
        to_date(asked.discharge_date),
        asked.diagnosis_code,
        asked.total_fen,
        asked.fund_total_fen,
        asked.doubt,
        # By the terms, when it is opened.
        dt.date.max,
    )
