"""Audit tasks as they are read: one with all that belongs to it, lists, evidence on record."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import OK, AuditEntry
from yibao_common.values.caller import Caller
from yibao_offsite.application.audit_task.desk import AuditDesk
from yibao_offsite.application.audit_task.holding import undeclared_holds
from yibao_offsite.application.audit_task.rows import DueHold, HoldWish, Place, TaskWish
from yibao_offsite.application.person import all_records
from yibao_offsite.rules.audit_task.evidence import (
    Evidence,
    EvidencePurpose,
    check_may_read,
    evidence_digest,
)
from yibao_offsite.rules.audit_task.hold import PlacedHold
from yibao_offsite.rules.audit_task.task import (
    AuditTask,
    Finding,
    TaskEvent,
    audit_task_not_found,
)

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


@dataclass(frozen=True, slots=True)
class WholeTask:
    """A task with what belongs to it.

    `is_evidence_altered` says that its evidence is not what it was when it was closed;
    `undeclared_hold_ids` are its holds that stand and whose visit no hospital told of as the
    person's.
    """

    task: AuditTask
    findings: Sequence[Finding]
    holds: Sequence[PlacedHold]
    events: Sequence[TaskEvent]
    is_evidence_altered: bool
    undeclared_hold_ids: Collection[str]


def find_task(desk: AuditDesk, region: str, task_id: str) -> WholeTask:
    """Returns a task as it is now. Raises RuleError AUDIT_TASK_NOT_FOUND."""
    with desk.transactions.read(region) as work:
        rows = work.audit_tasks
        task = rows.find(task_id)
        if task is None:
            raise audit_task_not_found(task_id)
        sealed, is_altered = task.evidence_digest, False
        if sealed is not None:
            is_altered = evidence_digest(task_id, rows.evidence(task_id)) != sealed
        holds = rows.holds(task_id)
        return WholeTask(
            *(task, rows.findings(task_id), holds, rows.events(task_id), is_altered),
            undeclared_holds(work, holds),
        )


def read_evidence(
    desk: AuditDesk, caller: Caller, *, region: str, task_id: str, purpose: EvidencePurpose
) -> Sequence[Evidence]:
    """Returns the evidence of a task, after the reading was put on record.

    Raises:
        RuleError: AUDIT_TASK_NOT_FOUND, AUDIT_EVIDENCE_RESTRICTED.
    """

    def read(work: "Work") -> Sequence[Evidence]:
        task = work.audit_tasks.find(task_id)
        if task is None:
            raise audit_task_not_found(task_id)
        check_may_read(task, caller)
        detail = {"purpose": purpose.name, "pieces": str(task.evidence_count)}
        subjects = (task_id, task.subject.person_id)
        work.audit.add(
            AuditEntry(
                region,
                desk.clock(),
                caller.path,
                "ListAuditEvidence",
                tuple(each for each in subjects if each),
                OK,
                detail,
                "",
            )
        )
        return work.audit_tasks.evidence(task_id)

    return desk.transactions.change(region, read)


def list_tasks(
    desk: AuditDesk, region: str, wish: TaskWish, *, after: Place | None, limit: int
) -> Sequence[AuditTask]:
    """Returns at most `limit` tasks, the one due first at the head."""
    with desk.transactions.read(region) as work:
        wish = wish._replace(person_ids=all_records(work.persons, wish.person_ids))
        return work.audit_tasks.page(wish, after=after, limit=limit)


def list_holds(
    desk: AuditDesk,
    region: str,
    *,
    only_overdue: bool,
    visit_id: str | None,
    after: Place | None,
    limit: int,
) -> tuple[Sequence[DueHold], Collection[str]]:
    """Returns at most `limit` holds that stand, the one whose task is due first at the head.

    With the ids of those whose visit no hospital told of as the person's.
    """
    wish = HoldWish(desk.today() if only_overdue else None, visit_id)
    with desk.transactions.read(region) as work:
        found = work.audit_tasks.standing_holds(wish, after=after, limit=limit)
        return found, undeclared_holds(work, [each.hold for each in found])


def list_assistance(
    desk: AuditDesk,
    treatment_region: str,
    *,
    only_unanswered: bool,
    after: Place | None,
    limit: int,
) -> Sequence[AuditTask]:
    """Returns at most `limit` tasks of all regions that ask a place of treatment."""
    with desk.transactions.read(treatment_region) as work:
        return work.audit_tasks.asked_of(
            treatment_region, only_unanswered=only_unanswered, after=after, limit=limit
        )
