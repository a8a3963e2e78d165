"""What every act at an audit task has in common: the task as it stands, its event, the record."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.rules.audit_task.opening import AuditTerms
from yibao_offsite.rules.audit_task.states import TaskAct
from yibao_offsite.rules.audit_task.task import AuditTask, TaskEvent, audit_task_not_found
from yibao_offsite.rules.feed import AuditHold

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

# Signs a hold of a region; the bytes stand in the place of its attestation.
SignHold = Callable[[str, AuditHold], bytes]
Encode = Callable[[AuditTask], bytes]


@dataclass(frozen=True, slots=True)
class AuditDesk:
    """What acts at audit tasks take from outside; without papers there is no evidence."""

    transactions: "Transactions[Work]"
    clock: Clock
    ids: Ids
    terms: AuditTerms
    sign_hold: SignHold
    keeps_papers: bool

    def today(self) -> dt.date:
        """Returns the day in Shanghai."""
        return shanghai_day(self.clock())


@dataclass(frozen=True, slots=True)
class AtTask:
    """An act of a caller at a task."""

    request: Request
    task_id: str


def locked_task(work: "Work", task_id: str) -> AuditTask:
    """Locks a task and returns it. Raises RuleError AUDIT_TASK_NOT_FOUND."""
    task = work.audit_tasks.lock(task_id)
    if task is None:
        raise audit_task_not_found(task_id)
    return task


def put_on_record(
    work: "Work",
    request: Request,
    task: AuditTask,
    act: TaskAct,
    *,
    at: dt.datetime,
    told: str = "",
    subject_ids: tuple[str, ...] = (),
    detail: Mapping[str, str] | None = None,
) -> None:
    """Writes an event of the task, which is a new version of it, and a row of the audit.

    `told` stands in the event alone, `detail` in the audit alone, which holds no personal data.
    """
    # A version is an event: what is done to a task counts both.
    event = TaskEvent(task.version, at, request.caller.path, act, task.state, told)
    work.audit_tasks.add_event(task.task_id, event)
    subjects = [task.task_id, task.subject.person_id, *subject_ids]
    work.audit.add(
        entry_of(
            request,
            at=at,
            subject_ids=tuple(each for each in subjects if each),
            detail={"act": act.name, "state": task.state.name, **(detail or {})},
        )
    )
