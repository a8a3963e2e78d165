"""Audit tasks and what belongs to them, as one transaction finds, locks and writes them."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from yibao_offsite.rules.audit_task.evidence import Evidence
from yibao_offsite.rules.audit_task.hold import PlacedHold
from yibao_offsite.rules.audit_task.states import TaskState
from yibao_offsite.rules.audit_task.task import AuditTask, Finding, TaskEvent, TaskType


class Place(NamedTuple):
    """Where a list goes on: behind the id of this due day."""

    due_date: dt.date
    id: str


class TaskWish(NamedTuple):
    """Which tasks are asked for; None limits nothing, `due_until` is the last due day.

    `person_ids` are records of one person; empty limits nothing.
    """

    due_until: dt.date | None = None
    state: TaskState | None = None
    only_open: bool = False
    assignee: str | None = None
    type: TaskType | None = None
    institution_id: str | None = None
    person_ids: tuple[str, ...] = ()


class HoldWish(NamedTuple):
    """Which holds that stand are asked for: of tasks due before a day, of a visit."""

    due_before: dt.date | None = None
    visit_id: str | None = None


class DueHold(NamedTuple):
    """A hold, and by which day its task is to be reported."""

    hold: PlacedHold
    due_date: dt.date


class AuditTaskRows(Protocol):
    """The tasks of a region."""

    def find(self, task_id: str) -> AuditTask | None:
        """Returns a task, or None."""
        ...

    def lock(self, task_id: str) -> AuditTask | None:
        """Locks a task until the transaction ends and returns it, or None."""
        ...

    def insert(self, task: AuditTask) -> None:
        """Stores a new task, with what the place of treatment is asked."""
        ...

    def update(self, task: AuditTask) -> None:
        """Stores what became of a task that is locked."""
        ...

    def add_event(self, task_id: str, event: TaskEvent) -> None:
        """Stores what was done to a task."""
        ...

    def events(self, task_id: str) -> Sequence[TaskEvent]:
        """Returns what was done to a task, the first at the head."""
        ...

    def add_finding(self, task_id: str, finding: Finding) -> None:
        """Stores a finding."""
        ...

    def findings(self, task_id: str) -> Sequence[Finding]:
        """Returns the findings of a task, the first at the head."""
        ...

    def add_evidence(self, task_id: str, evidence: Evidence) -> None:
        """Stores a piece of evidence."""
        ...

    def evidence(self, task_id: str) -> Sequence[Evidence]:
        """Returns the evidence of a task, the first at the head."""
        ...

    def insert_hold(self, hold: PlacedHold) -> None:
        """Stores a new hold."""
        ...

    def update_hold(self, hold: PlacedHold) -> None:
        """Stores that a hold of a locked task was lifted."""
        ...

    def find_hold(self, hold_id: str) -> PlacedHold | None:
        """Returns a hold, or None."""
        ...

    def holds(self, task_id: str) -> Sequence[PlacedHold]:
        """Returns the holds of a task, the first at the head, lifted ones too."""
        ...

    def page(self, wish: TaskWish, *, after: Place | None, limit: int) -> Sequence[AuditTask]:
        """Returns at most `limit` tasks by due day and id, without their reports."""
        ...

    def standing_holds(
        self, wish: HoldWish, *, after: Place | None, limit: int
    ) -> Sequence[DueHold]:
        """Returns at most `limit` holds that stand, by their tasks' due day and id."""
        ...

    def asked_of(
        self, treatment_region: str, *, only_unanswered: bool, after: Place | None, limit: int
    ) -> Sequence[AuditTask]:
        """Returns at most `limit` tasks of all regions that a place is asked about.

        By the day of the answer and id; what is closed or cancelled without an answer is none.
        """
        ...
