"""Sending an audit task back, closing it by a second person, giving it up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.values.calendar import shanghai_day
from yibao_offsite.application.audit_task.desk import (
    AtTask,
    AuditDesk,
    Encode,
    locked_task,
    put_on_record,
)
from yibao_offsite.application.audit_task.holding import lift_all
from yibao_offsite.rules.audit_task.closing import (
    check_as_read,
    check_not_begun,
    check_second_person,
    ended,
)
from yibao_offsite.rules.audit_task.evidence import evidence_digest
from yibao_offsite.rules.audit_task.hold import PlacedHold
from yibao_offsite.rules.audit_task.states import TaskAct
from yibao_offsite.rules.audit_task.task import AuditOutcome, AuditTask
from yibao_offsite.rules.material.material import Owner

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

EncodeEnded = Callable[[AuditTask, Sequence[PlacedHold]], bytes]


@dataclass(frozen=True, slots=True)
class Closing:
    """What the closer read, and says to it."""

    outcome: AuditOutcome
    version: int
    reason: str


def return_task(desk: AuditDesk, command: AtTask, reason: str, encode: Encode) -> bytes:
    """Sends a reported task back to its operator.

    Raises:
        RuleError: AUDIT_TASK_NOT_FOUND, AUDIT_TASK_STATE, AUDITOR_MAY_NOT_CLOSE,
            REQUEST_ID_REUSED.
    """

    def send_back(work: "Work") -> bytes:
        before = locked_task(work, command.task_id)
        task = before.after(TaskAct.RETURN)
        _check_second(work, command, before)
        work.audit_tasks.update(task)
        put_on_record(work, command.request, task, TaskAct.RETURN, at=desk.clock(), told=reason)
        return encode(task)

    return desk.transactions.once(command.request, send_back)


def close_task(desk: AuditDesk, command: AtTask, closing: Closing, encode: EncodeEnded) -> bytes:
    """Closes a reported task for good and lifts its holds.

    Raises:
        RuleError: AUDIT_TASK_NOT_FOUND, AUDIT_TASK_STATE, AUDITOR_MAY_NOT_CLOSE,
            AUDIT_TASK_CHANGED, REQUEST_ID_REUSED.
    """

    def close(work: "Work") -> bytes:
        caller, now = command.request.caller.path, desk.clock()
        before = locked_task(work, command.task_id)
        digest = evidence_digest(before.task_id, work.audit_tasks.evidence(before.task_id))
        task = ended(before, TaskAct.CLOSE, closer=caller, now=now, evidence_digest=digest)
        holds = _check_second(work, command, before)
        check_as_read(before, outcome=closing.outcome, version=closing.version)
        freed = lift_all(work, desk, holds, lifter=caller, reason=closing.reason, now=now)
        work.audit_tasks.update(task)
        # From here on nothing takes the place of a paper, and its years are counted.
        work.papers.end(Owner.AUDIT_TASK, task.task_id, on=shanghai_day(now))
        detail = {
            "outcome": closing.outcome.name,
            "evidence": digest.hex(),
            "lifted": str(len(freed)),
        }
        put_on_record(
            work,
            command.request,
            task,
            TaskAct.CLOSE,
            at=now,
            told=closing.reason,
            subject_ids=tuple(each.visit_id for each in freed),
            detail=detail,
        )
        return encode(task, freed)

    return desk.transactions.once(command.request, close)


def cancel_task(desk: AuditDesk, command: AtTask, reason: str, encode: EncodeEnded) -> bytes:
    """Gives up a task that nobody began, and lifts its holds.

    Raises:
        RuleError: AUDIT_TASK_NOT_FOUND, AUDIT_TASK_STATE, AUDIT_HOLD_OF_OWN,
            REQUEST_ID_REUSED.
    """

    def cancel(work: "Work") -> bytes:
        caller, now = command.request.caller.path, desk.clock()
        before = locked_task(work, command.task_id)
        task = ended(before, TaskAct.CANCEL, closer=caller, now=now, evidence_digest=None)
        check_not_begun(before, work.audit_tasks.events(task.task_id))
        holds = work.audit_tasks.holds(task.task_id)
        freed = lift_all(work, desk, holds, lifter=caller, reason=reason, now=now)
        work.audit_tasks.update(task)
        put_on_record(
            work,
            command.request,
            task,
            TaskAct.CANCEL,
            at=now,
            told=reason,
            subject_ids=tuple(each.visit_id for each in freed),
        )
        return encode(task, freed)

    return desk.transactions.once(command.request, cancel)


def _check_second(work: "Work", command: AtTask, task: AuditTask) -> Sequence[PlacedHold]:
    """Refuses who took part in a task; returns its holds."""
    holds = work.audit_tasks.holds(task.task_id)
    events = work.audit_tasks.events(task.task_id)
    check_second_person(command.request.caller.path, task, events, holds)
    return holds
