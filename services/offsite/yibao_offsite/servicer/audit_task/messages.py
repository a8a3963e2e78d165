"""Values of audits to messages."""

import datetime as dt

from yibao.offsite.v1 import audit_service_pb2 as pb
from yibao.offsite.v1 import audit_task_pb2 as messages
from yibao_common.rpc.wire import from_date, from_instant
from yibao_offsite.rules.audit_task.assistance import Assistance
from yibao_offsite.rules.audit_task.evidence import Evidence
from yibao_offsite.rules.audit_task.hold import PlacedHold
from yibao_offsite.rules.audit_task.task import AuditTask, Finding, TaskEvent


def task_message(task: AuditTask, *, with_report: bool = False) -> messages.AuditTask:
    """Returns a task as sent; its report is told by GetAuditTask alone."""
    subject, close_time = task.subject, task.close_time
    return messages.AuditTask(
        task_id=task.task_id,
        region=task.region,
        type=messages.AuditTaskType.ValueType(task.type),
        state=messages.AuditTaskState.ValueType(task.state),
        person_id=subject.person_id,
        institution_id=subject.institution_id,
        visit_id=subject.visit_id,
        registration_id=subject.registration_id,
        admission_declaration_id=subject.admission_declaration_id,
        complaint_id=subject.complaint_id,
        reason=task.reason,
        due_date=from_date(task.due_date),
        opener=task.opener,
        open_time=from_instant(task.open_time),
        assignee=task.assignee,
        outcome=messages.AuditOutcome.ValueType(task.outcome or 0),
        report=task.report if with_report else "",
        closer=task.closer,
        close_time=None if close_time is None else from_instant(close_time),
        finding_count=task.finding_count,
        evidence_count=task.evidence_count,
        hold_count=task.hold_count,
        assistance=None if task.assistance is None else assistance_message(task.assistance),
        version=task.version,
    )


def assistance_message(assistance: Assistance) -> messages.AssistanceCheck:
    """Returns what a place of treatment is asked, and what it answered."""
    answer_time = assistance.answer_time
    return messages.AssistanceCheck(
        treatment_region=assistance.treatment_region,
        inpatient_number=assistance.inpatient_number,
        admission_date=from_date(assistance.admission_date),
        discharge_date=from_date(assistance.discharge_date),
        diagnosis_code=assistance.diagnosis_code,
        total_fen=assistance.total_fen,
        fund_total_fen=assistance.fund_total_fen,
        doubt=assistance.doubt,
        answer_due_date=from_date(assistance.answer_due_date),
        answer=messages.AssistanceAnswer.ValueType(assistance.answer or 0),
        answer_reason=assistance.answer_reason,
        answerer=assistance.answerer,
        answer_time=None if answer_time is None else from_instant(answer_time),
    )


def asked_message(task: AuditTask, *, today: dt.date) -> pb.AskedAssistance:
    """Returns a stay as the agency reads it that is asked about it."""
    asked = task.assistance
    assert asked is not None, task.task_id
    return pb.AskedAssistance(
        region=task.region,
        task_id=task.task_id,
        person_id=task.subject.person_id,
        institution_id=task.subject.institution_id,
        visit_id=task.subject.visit_id,
        assistance=assistance_message(asked),
        is_overdue=asked.answer is None and asked.answer_due_date < today,
    )


def finding_message(finding: Finding, *, with_text: bool = True) -> messages.AuditFinding:
    """Returns a finding as sent."""
    return messages.AuditFinding(
        number=finding.number,
        kind=messages.AuditFindingKind.ValueType(finding.kind),
        text=finding.text if with_text else "",
        amount_fen=finding.amount_fen,
        registration_id=finding.registration_id,
        finder=finding.finder,
        record_time=from_instant(finding.record_time),
    )


def evidence_message(evidence: Evidence) -> messages.AuditEvidence:
    """Returns a piece of evidence as sent."""
    return messages.AuditEvidence(
        number=evidence.number,
        material_id=evidence.material_id,
        content_sha256=evidence.sha256,
        taken_time=from_instant(evidence.taken_time),
        author=evidence.author,
        place=evidence.place,
        adder=evidence.adder,
        add_time=from_instant(evidence.add_time),
    )


def hold_message(
    hold: PlacedHold, due_date: dt.date, *, today: dt.date, is_undeclared: bool = False
) -> messages.PlacedHold:
    """Returns a hold as sent; `due_date` is its task's."""
    lift_time = hold.lift_time
    return messages.PlacedHold(
        hold_id=hold.hold_id,
        task_id=hold.task_id,
        visit_id=hold.visit_id,
        person_id=hold.person_id,
        reason=hold.reason,
        placer=hold.placer,
        place_time=from_instant(hold.place_time),
        lifter=hold.lifter,
        lift_time=None if lift_time is None else from_instant(lift_time),
        lift_reason=hold.lift_reason,
        due_date=from_date(due_date),
        is_overdue=hold.stands and due_date < today,
        version=hold.version,
        is_undeclared=is_undeclared,
    )


def event_message(event: TaskEvent) -> messages.AuditTaskEvent:
    """Returns an event as sent."""
    return messages.AuditTaskEvent(
        number=event.number,
        event_time=from_instant(event.event_time),
        caller=event.caller,
        act=messages.AuditTaskAct.ValueType(event.act),
        state=messages.AuditTaskState.ValueType(event.state),
        detail=event.detail,
    )
