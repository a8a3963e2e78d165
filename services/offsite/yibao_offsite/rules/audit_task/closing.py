"""Who may close an audit task, and what it is that they close.

A second person closes: who opened a task, worked on it, found something or placed a hold that
stands takes part. Who assigned it or sent it back only led, and may.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.audit_task.hold import PlacedHold
from yibao_offsite.rules.audit_task.states import TaskAct
from yibao_offsite.rules.audit_task.task import AuditOutcome, AuditTask, TaskEvent

# By what somebody takes part for good, whoever has the task afterwards.
_PARTS: Mapping[TaskAct, str] = {
    TaskAct.OPEN: "opened",
    TaskAct.BEGIN: "began",
    TaskAct.FIND: "found",
    TaskAct.ADD_EVIDENCE: "evidence",
    TaskAct.REPORT: "reported",
}


def part_of(
    caller: str, task: AuditTask, events: Iterable[TaskEvent], holds: Iterable[PlacedHold]
) -> str:
    """Returns the first part that a caller had in a task, empty where none."""
    for event in events:
        if is_same_operator(event.caller, caller) and event.act in _PARTS:
            return _PARTS[event.act]
    if is_same_operator(task.assignee, caller):
        return "assigned"
    if any(each.stands and is_same_operator(each.placer, caller) for each in holds):
        return "held"
    return ""


def check_second_person(
    caller: str, task: AuditTask, events: Iterable[TaskEvent], holds: Iterable[PlacedHold]
) -> None:
    """Refuses whoever took part in a task. Raises RuleError AUDITOR_MAY_NOT_CLOSE."""
    part = part_of(caller, task, events, holds)
    if part:
        raise RuleError(
            Reason.AUDITOR_MAY_NOT_CLOSE,
            f"task {task.task_id} is closed by somebody who had no part in it ({part})",
            task_id=task.task_id,
            part=part,
        )


def check_as_read(task: AuditTask, *, outcome: AuditOutcome, version: int) -> None:
    """Refuses a closer who read another report. Raises RuleError AUDIT_TASK_CHANGED."""
    if task.version != version or task.outcome is not outcome:
        raise RuleError(
            Reason.AUDIT_TASK_CHANGED,
            f"task {task.task_id} is another than was read",
            task_id=task.task_id,
            version=task.version,
            outcome="" if task.outcome is None else task.outcome.name,
        )


def check_not_begun(task: AuditTask, events: Iterable[TaskEvent]) -> None:
    """Refuses to give up what somebody began with, whoever has it since.

    Raises:
        RuleError: AUDIT_TASK_STATE.
    """
    if any(each.act is TaskAct.BEGIN for each in events):
        raise RuleError(
            Reason.AUDIT_TASK_STATE,
            f"task {task.task_id} was begun: it is reported and closed, and not given up",
            task_id=task.task_id,
            state=task.state.name,
        )


def ended(
    task: AuditTask, act: TaskAct, *, closer: str, now: dt.datetime, evidence_digest: bytes | None
) -> AuditTask:
    """Returns the task closed or cancelled, without holds. Raises RuleError AUDIT_TASK_STATE."""
    return replace(
        task.after(act),
        closer=closer,
        close_time=now,
        evidence_digest=evidence_digest,
        hold_count=0,
    )
