"""Audit tasks, admission declarations and complaints in memory."""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence

from yibao_offsite.application.admission_declaration import (
    DeclarationRows,
    DeclarationWish,
    DeclaredPlace,
)
from yibao_offsite.application.audit_task.rows import (
    AuditTaskRows,
    DueHold,
    HoldWish,
    Place,
    TaskWish,
)
from yibao_offsite.application.complaint import ComplaintRows, ComplaintWish
from yibao_offsite.rules.admission_declaration import AdmissionDeclaration
from yibao_offsite.rules.audit_task.evidence import Evidence
from yibao_offsite.rules.audit_task.hold import PlacedHold
from yibao_offsite.rules.audit_task.states import OPEN_STATES
from yibao_offsite.rules.audit_task.task import AuditTask, Finding, TaskEvent
from yibao_offsite.rules.complaint import Complaint


@dataclasses.dataclass
class MemoryAuditTasks(AuditTaskRows):
    """The tasks of one region; `locked` names what was locked, in order."""

    tasks: dict[str, AuditTask] = dataclasses.field(default_factory=dict)
    events_of: dict[str, list[TaskEvent]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    findings_of: dict[str, list[Finding]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    evidence_of: dict[str, list[Evidence]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    placed: dict[str, PlacedHold] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)

    def find(self, task_id: str) -> AuditTask | None:
        return self.tasks.get(task_id)

    def lock(self, task_id: str) -> AuditTask | None:
        self.locked.append(task_id)
        return self.find(task_id)

    def insert(self, task: AuditTask) -> None:
        assert task.task_id not in self.tasks
        self.tasks[task.task_id] = task

    def update(self, task: AuditTask) -> None:
        assert task.task_id in self.locked
        self.tasks[task.task_id] = task

    def add_event(self, task_id: str, event: TaskEvent) -> None:
        assert event.number == len(self.events_of[task_id]) + 1
        self.events_of[task_id].append(event)

    def events(self, task_id: str) -> Sequence[TaskEvent]:
        return self.events_of[task_id]

    def add_finding(self, task_id: str, finding: Finding) -> None:
        self.findings_of[task_id].append(finding)

    def findings(self, task_id: str) -> Sequence[Finding]:
        return self.findings_of[task_id]

    def add_evidence(self, task_id: str, evidence: Evidence) -> None:
        self.evidence_of[task_id].append(evidence)

    def evidence(self, task_id: str) -> Sequence[Evidence]:
        return self.evidence_of[task_id]

    def insert_hold(self, hold: PlacedHold) -> None:
        assert hold.hold_id not in self.placed
        self.placed[hold.hold_id] = hold

    def update_hold(self, hold: PlacedHold) -> None:
        assert hold.task_id in self.locked
        self.placed[hold.hold_id] = hold

    def find_hold(self, hold_id: str) -> PlacedHold | None:
        return self.placed.get(hold_id)

    def holds(self, task_id: str) -> Sequence[PlacedHold]:
        return [each for each in self.placed.values() if each.task_id == task_id]

    def page(self, wish: TaskWish, *, after: Place | None, limit: int) -> Sequence[AuditTask]:
        named = ("state", "type")
        found = [
            each
            for each in self.tasks.values()
            if all(getattr(wish, name) in (None, getattr(each, name)) for name in named)
            if wish.due_until is None or each.due_date <= wish.due_until
            if not wish.only_open or each.state in OPEN_STATES
        ]
        in_order = sorted(found, key=lambda each: Place(each.due_date, each.task_id))
        return [
            each for each in in_order if after is None or (each.due_date, each.task_id) > after
        ][:limit]

    def standing_holds(
        self, wish: HoldWish, *, after: Place | None, limit: int
    ) -> Sequence[DueHold]:
        found = [
            DueHold(each, self.tasks[each.task_id].due_date)
            for each in self.placed.values()
            if each.stands and wish.visit_id in (None, each.visit_id)
        ]
        return [
            each
            for each in sorted(found, key=lambda each: (each.due_date, each.hold.hold_id))
            if wish.due_before is None or each.due_date < wish.due_before
            if after is None or (each.due_date, each.hold.hold_id) > after
        ][:limit]

    def asked_of(
        self, treatment_region: str, *, only_unanswered: bool, after: Place | None, limit: int
    ) -> Sequence[AuditTask]:
        return [
            each
            for each in self.tasks.values()
            if each.assistance is not None
            if each.assistance.treatment_region == treatment_region
            if not only_unanswered or each.assistance.answer is None
        ][:limit]


@dataclasses.dataclass
class MemoryDeclarations(DeclarationRows):
    """The admission declarations of one region."""

    rows: dict[str, AdmissionDeclaration] = dataclasses.field(default_factory=dict)

    def find(self, admission_declaration_id: str) -> AdmissionDeclaration | None:
        return self.rows.get(admission_declaration_id)

    def lock(self, admission_declaration_id: str) -> AdmissionDeclaration | None:
        return self.find(admission_declaration_id)

    def of_visit(self, visit_id: str) -> AdmissionDeclaration | None:
        return next((each for each in self.rows.values() if each.visit_id == visit_id), None)

    def whose_visits(self, visit_ids: Collection[str]) -> dict[str, set[str]]:
        told = [each for each in self.rows.values() if each.visit_id in visit_ids]
        return {each.visit_id: {each.person_id} for each in told}

    def insert(self, declaration: AdmissionDeclaration) -> None:
        assert self.of_visit(declaration.visit_id) is None
        self.update(declaration)

    def update(self, declaration: AdmissionDeclaration) -> None:
        self.rows[declaration.admission_declaration_id] = declaration

    def page(
        self, wish: DeclarationWish, *, after: DeclaredPlace | None, limit: int
    ) -> Sequence[AdmissionDeclaration]:
        return list(self.rows.values())[:limit]


@dataclasses.dataclass
class MemoryComplaints(ComplaintRows):
    """The complaints of one region."""

    rows: dict[str, Complaint] = dataclasses.field(default_factory=dict)
    counts: dict[tuple[dt.date, bytes], int] = dataclasses.field(default_factory=dict)

    def find(self, complaint_id: str) -> Complaint | None:
        return self.rows.get(complaint_id)

    def lock(self, complaint_id: str) -> Complaint | None:
        return self.find(complaint_id)

    def of_receipt(self, receipt_number: str) -> Complaint | None:
        found = (each for each in self.rows.values() if each.receipt_number == receipt_number)
        return next(found, None)

    def insert(self, complaint: Complaint) -> None:
        assert complaint.complaint_id not in self.rows
        self.update(complaint)

    def update(self, complaint: Complaint) -> None:
        self.rows[complaint.complaint_id] = complaint

    def count(self, day: dt.date, party: bytes) -> int:
        before = self.counts.get((day, party), 0)
        self.counts = {key: count for key, count in self.counts.items() if key[0] >= day}
        self.counts[day, party] = before + 1
        return before

    def page(self, wish: ComplaintWish, *, after: Place | None, limit: int) -> Sequence[Complaint]:
        return list(self.rows.values())[:limit]
