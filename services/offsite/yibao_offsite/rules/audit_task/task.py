"""An audit task (稽核任务): what is to be looked at, who does it, what was found.

Sources: rules O-07, O-08, O-09 and I-05 of the domain; assistance checks by article 56 of
苏医保发〔2022〕75号.
"""

import datetime as dt
import enum
from dataclasses import dataclass, replace

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.audit_task.assistance import Assistance
from yibao_offsite.rules.audit_task.states import TaskAct, TaskState, state_after

# So many findings, pieces of evidence and holds one task has at most.
MOST_OF_A_TASK = 200


class TaskType(enum.IntEnum):
    """What a task is to do, by its number in the contract."""

    ON_SITE = 1
    POST_SURGERY_VISIT = 2
    ADMISSION_CHECK = 3
    SELF_SERVICE_CHECK = 4
    ASSISTANCE_CHECK = 5
    COMPLAINT = 6


class AuditOutcome(enum.IntEnum):
    """What came out on the whole, by its number in the contract."""

    IN_ORDER = 1
    IRREGULAR = 2
    FRAUD = 3


class FindingKind(enum.IntEnum):
    """What kind a finding is of, by its number in the contract."""

    AS_TOLD = 1
    NOT_PRESENT = 2
    OTHER_PERSON = 3
    FALSE_RECORD = 4
    UNNECESSARY = 5
    WRONG_CHARGE = 6
    FALSE_STATEMENT = 7
    OTHER = 8


@dataclass(frozen=True, slots=True)
class Subject:
    """What a task is about; each is empty where it is of none."""

    person_id: str = ""
    institution_id: str = ""
    visit_id: str = ""
    registration_id: str = ""
    admission_declaration_id: str = ""
    complaint_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditTask:
    """A task; `due_date` is a day of Asia/Shanghai, callers are paths of certificates.

    `assignee` is empty until it is assigned, `outcome` and `report` None and empty until it is
    reported, `closer` and `close_time` until it is over. `evidence_digest` is what stood for all
    evidence when it was closed.
    """

    region: str
    task_id: str
    type: TaskType
    subject: Subject
    reason: str
    due_date: dt.date
    opener: str
    open_time: dt.datetime
    state: TaskState = TaskState.OPENED
    assignee: str = ""
    outcome: AuditOutcome | None = None
    report: str = ""
    closer: str = ""
    close_time: dt.datetime | None = None
    evidence_digest: bytes | None = None
    finding_count: int = 0
    evidence_count: int = 0
    hold_count: int = 0
    assistance: Assistance | None = None
    version: int = 1

    def after(self, act: TaskAct) -> "AuditTask":
        """Returns the task after an act, as a new version. Raises RuleError AUDIT_TASK_STATE."""
        state = state_after(self.state, act, task_id=self.task_id)
        return replace(self, state=state, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found; `amount_fen` is 0 where no amount is concerned."""

    number: int
    kind: FindingKind
    text: str
    amount_fen: int
    registration_id: str
    finder: str
    record_time: dt.datetime


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """Something that was done to a task, and where it stood afterwards."""

    number: int
    event_time: dt.datetime
    caller: str
    act: TaskAct
    state: TaskState
    detail: str = ""


def check_assignee(task: AuditTask, caller: str) -> None:
    """Refuses whoever does not have the task. Raises RuleError AUDIT_TASK_OF_ANOTHER."""
    if task.assignee != caller:
        raise RuleError(
            Reason.AUDIT_TASK_OF_ANOTHER,
            f"task {task.task_id} is another operator's",
            task_id=task.task_id,
        )


def check_has_finding(task: AuditTask) -> None:
    """Refuses a report without a finding. Raises RuleError AUDIT_FINDING_MISSING."""
    if not task.finding_count:
        raise RuleError(
            Reason.AUDIT_FINDING_MISSING,
            f"nothing is recorded of task {task.task_id}",
            task_id=task.task_id,
        )


def check_room(count: int, task: AuditTask) -> None:
    """Refuses what a task has too much of already. Raises RuleError AUDIT_TASK_STATE."""
    if count >= MOST_OF_A_TASK:
        raise RuleError(
            Reason.AUDIT_TASK_STATE,
            f"task {task.task_id} has {MOST_OF_A_TASK} of these, as many as one may have",
            task_id=task.task_id,
            state=task.state.name,
        )


def audit_task_not_found(task_id: str) -> RuleError:
    """Returns the refusal for a task that the region does not have."""
    return RuleError(Reason.AUDIT_TASK_NOT_FOUND, f"no audit task {task_id}", task_id=task_id)


def audit_task_is_open(task: AuditTask) -> RuleError:
    """Returns the refusal for what waits until a task is over."""
    return RuleError(
        Reason.AUDIT_TASK_STATE,
        f"task {task.task_id} is {task.state.name}",
        task_id=task.task_id,
        state=task.state.name,
    )
