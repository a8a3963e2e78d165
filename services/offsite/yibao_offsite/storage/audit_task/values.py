"""Values of audits to columns and back."""

from typing import Any

import sqlalchemy as sa

from yibao_offsite.rules.audit_task.assistance import Assistance, AssistanceAnswer
from yibao_offsite.rules.audit_task.evidence import Evidence
from yibao_offsite.rules.audit_task.hold import PlacedHold
from yibao_offsite.rules.audit_task.states import TaskAct, TaskState
from yibao_offsite.rules.audit_task.task import (
    AuditOutcome,
    AuditTask,
    Finding,
    FindingKind,
    Subject,
    TaskEvent,
    TaskType,
)
from yibao_offsite.storage.audit_task.texts import Texts

_SUBJECT = (
    *("person_id", "institution_id", "visit_id"),
    *("registration_id", "admission_declaration_id", "complaint_id"),
)
_TASK = (
    *("task_id", "type", "reason", "due_date", "opener", "open_time", "state", "assignee"),
    *("outcome", "closer", "close_time", "evidence_digest"),
    *("finding_count", "evidence_count", "hold_count", "version"),
)
_ASSISTANCE = (
    *("treatment_region", "inpatient_number", "admission_date", "discharge_date"),
    *("diagnosis_code", "total_fen", "fund_total_fen", "doubt", "answer_due_date"),
    *("answer", "answer_reason", "answerer", "answer_time"),
)
_HOLD = (
    *("hold_id", "task_id", "visit_id", "person_id", "reason", "placer", "place_time"),
    *("lifter", "lift_time", "lift_reason", "version"),
)
_EVIDENCE = (
    *("material_id", "number", "sha256", "taken_time", "author", "place", "adder", "add_time"),
)

_Row = sa.Row[Any]


def task_values(task: AuditTask, texts: Texts) -> dict[str, Any]:
    """Returns the columns of a task but its region."""
    own = {name: getattr(task, name) for name in _TASK}
    subject = {name: getattr(task.subject, name) or None for name in _SUBJECT}
    report = texts.write(task.report, place=_report_place(task.task_id))
    return {**own, **subject, "report": report}


def task_from(row: _Row, texts: Texts | None, assistance: Assistance | None) -> AuditTask:
    """Returns the task of a row; without `texts` its report is left out."""
    subject = Subject(**{name: getattr(row, name) or "" for name in _SUBJECT})
    digest = row.evidence_digest
    return AuditTask(
        row.region,
        row.task_id,
        TaskType(row.type),
        subject,
        row.reason,
        row.due_date,
        row.opener,
        row.open_time,
        state=TaskState(row.state),
        assignee=row.assignee,
        outcome=None if row.outcome is None else AuditOutcome(row.outcome),
        report=texts.read(row.report, place=_report_place(row.task_id)) if texts else "",
        closer=row.closer,
        close_time=row.close_time,
        evidence_digest=None if digest is None else bytes(digest),
        finding_count=row.finding_count,
        evidence_count=row.evidence_count,
        hold_count=row.hold_count,
        assistance=assistance,
        version=row.version,
    )


def assistance_values(assistance: Assistance) -> dict[str, Any]:
    """Returns the columns of what a place of treatment is asked, but the key."""
    return {name: getattr(assistance, name) for name in _ASSISTANCE}


def assistance_from(row: _Row) -> Assistance:
    """Returns what a place of treatment is asked."""
    told = {name: getattr(row, name) for name in _ASSISTANCE}
    answer = told.pop("answer")
    return Assistance(**told, answer=None if answer is None else AssistanceAnswer(answer))


def event_values(task_id: str, event: TaskEvent) -> dict[str, Any]:
    """Returns the columns of an event but its region."""
    return {
        "task_id": task_id,
        "number": event.number,
        "event_time": event.event_time,
        "caller": event.caller,
        "act": int(event.act),
        "state": int(event.state),
        "detail": event.detail,
    }


def event_from(row: _Row) -> TaskEvent:
    """Returns the event of a row."""
    act, state = TaskAct(row.act), TaskState(row.state)
    return TaskEvent(row.number, row.event_time, row.caller, act, state, row.detail)


def finding_values(task_id: str, finding: Finding, texts: Texts) -> dict[str, Any]:
    """Returns the columns of a finding but its region."""
    return {
        "task_id": task_id,
        "number": finding.number,
        "kind": int(finding.kind),
        "text": texts.write(finding.text, place=_finding_place(task_id, finding.number)),
        "amount_fen": finding.amount_fen,
        "registration_id": finding.registration_id or None,
        "finder": finding.finder,
        "record_time": finding.record_time,
    }


def finding_from(row: _Row, texts: Texts) -> Finding:
    """Returns the finding of a row."""
    return Finding(
        row.number,
        FindingKind(row.kind),
        texts.read(row.text, place=_finding_place(row.task_id, row.number)),
        row.amount_fen,
        row.registration_id or "",
        row.finder,
        row.record_time,
    )


def evidence_values(task_id: str, evidence: Evidence) -> dict[str, Any]:
    """Returns the columns of a piece of evidence but its region."""
    return {"task_id": task_id, **{name: getattr(evidence, name) for name in _EVIDENCE}}


def evidence_from(row: _Row) -> Evidence:
    """Returns the evidence of a row."""
    told = {name: getattr(row, name) for name in _EVIDENCE}
    return Evidence(**{**told, "sha256": bytes(row.sha256)})


def hold_values(hold: PlacedHold) -> dict[str, Any]:
    """Returns the columns of a hold but its region."""
    return {name: getattr(hold, name) for name in _HOLD}


def hold_from(row: _Row) -> PlacedHold:
    """Returns the hold of a row."""
    return PlacedHold(**{name: getattr(row, name) for name in _HOLD})


def _report_place(task_id: str) -> str:
    return f"audit_task/{task_id}/report"


def _finding_place(task_id: str, number: int) -> str:
    return f"audit_finding/{task_id}/{number}"
