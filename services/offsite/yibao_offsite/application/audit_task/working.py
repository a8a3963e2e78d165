"""What the operator who has an audit task does: begins, finds, adds evidence, reports."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yibao_offsite.application.audit_task.desk import (
    AtTask,
    AuditDesk,
    Encode,
    locked_task,
    put_on_record,
)
from yibao_offsite.application.audit_task.opening import check_registration
from yibao_offsite.rules.audit_task.assistance import check_answered
from yibao_offsite.rules.audit_task.evidence import (
    Evidence,
    StoredFile,
    check_captured,
    check_file,
    check_new,
    evidence_not_kept,
)
from yibao_offsite.rules.audit_task.states import TaskAct
from yibao_offsite.rules.audit_task.task import (
    AuditOutcome,
    AuditTask,
    Finding,
    FindingKind,
    check_assignee,
    check_has_finding,
    check_room,
)
from yibao_offsite.rules.material.material import Owner
from yibao_offsite.rules.material.states import USABLE

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

EncodeFinding = Callable[[AuditTask, Finding], bytes]
EncodeEvidence = Callable[[AuditTask, Evidence], bytes]


@dataclass(frozen=True, slots=True)
class Found:
    """What is found; `registration_id` is that of a false statement, else empty."""

    kind: FindingKind
    text: str
    amount_fen: int
    registration_id: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A photo or paper that is added as evidence."""

    material_id: str
    sha256: bytes
    taken_time: dt.datetime
    author: str
    place: str


def begin_task(desk: AuditDesk, command: AtTask, encode: Encode) -> bytes:
    """Begins with a task.

    Raises:
        RuleError: AUDIT_TASK_NOT_FOUND, AUDIT_TASK_STATE, AUDIT_TASK_OF_ANOTHER,
            REQUEST_ID_REUSED.
    """

    def begin(work: "Work") -> bytes:
        task = _own(work, command, TaskAct.BEGIN)
        work.audit_tasks.update(task)
        put_on_record(work, command.request, task, TaskAct.BEGIN, at=desk.clock())
        return encode(task)

    return desk.transactions.once(command.request, begin)


def record_finding(desk: AuditDesk, command: AtTask, found: Found, encode: EncodeFinding) -> bytes:
    """Adds a finding.

    Raises:
        RuleError: those of `begin_task`, AUDIT_TASK_STATE where there are too many,
            REGISTRATION_NOT_FOUND.
    """

    def find(work: "Work") -> bytes:
        task, now = _own(work, command, TaskAct.FIND), desk.clock()
        check_room(task.finding_count, task)
        if found.registration_id:
            check_registration(work, found.registration_id, task.subject.person_id)
        task = replace(task, finding_count=task.finding_count + 1)
        finding = Finding(
            task.finding_count,
            found.kind,
            found.text,
            found.amount_fen,
            found.registration_id,
            command.request.caller.path,
            now,
        )
        work.audit_tasks.update(task)
        work.audit_tasks.add_finding(task.task_id, finding)
        told = (found.registration_id,)
        detail = {"kind": found.kind.name, "amount_fen": str(found.amount_fen)}
        put_on_record(
            work,
            command.request,
            task,
            TaskAct.FIND,
            at=now,
            told=found.kind.name,
            subject_ids=told,
            detail=detail,
        )
        return encode(task, finding)

    return desk.transactions.once(command.request, find)


def add_evidence(desk: AuditDesk, command: AtTask, shown: Shown, encode: EncodeEvidence) -> bytes:
    """Adds a photo or paper.

    Raises:
        RuleError: those of `begin_task`, AUDIT_TASK_STATE where there are too many,
            FIELD_OUT_OF_RANGE, AUDIT_EVIDENCE_EXISTS, AUDIT_EVIDENCE_UNKNOWN; MATERIALS_NOT_KEPT
            before all others.
    """
    if not desk.keeps_papers:
        raise evidence_not_kept()

    def add(work: "Work") -> bytes:
        task, now = _own(work, command, TaskAct.ADD_EVIDENCE), desk.clock()
        check_room(task.evidence_count, task)
        check_captured(shown.taken_time, now=now)
        check_new(work.audit_tasks.evidence(task.task_id), shown.material_id)
        _take_file(work, task, shown)
        task = replace(task, evidence_count=task.evidence_count + 1)
        evidence = Evidence(
            task.evidence_count,
            shown.material_id,
            shown.sha256,
            shown.taken_time,
            shown.author,
            shown.place,
            command.request.caller.path,
            now,
        )
        work.audit_tasks.update(task)
        work.audit_tasks.add_evidence(task.task_id, evidence)
        put_on_record(
            work,
            command.request,
            task,
            TaskAct.ADD_EVIDENCE,
            at=now,
            told=shown.material_id,
            subject_ids=(shown.material_id,),
            detail={"sha256": shown.sha256.hex()},
        )
        return encode(task, evidence)

    return desk.transactions.once(command.request, add)


def report_task(
    desk: AuditDesk, command: AtTask, outcome: AuditOutcome, report: str, encode: Encode
) -> bytes:
    """Reports what came out.

    Raises:
        RuleError: those of `begin_task`, AUDIT_FINDING_MISSING, ASSISTANCE_STATE.
    """

    def tell(work: "Work") -> bytes:
        task = _own(work, command, TaskAct.REPORT)
        check_has_finding(task)
        check_answered(task.assistance, task_id=task.task_id, today=desk.today())
        task = replace(task, outcome=outcome, report=report)
        work.audit_tasks.update(task)
        detail = {"outcome": outcome.name}
        put_on_record(
            work,
            command.request,
            task,
            TaskAct.REPORT,
            at=desk.clock(),
            told=outcome.name,
            detail=detail,
        )
        return encode(task)

    return desk.transactions.once(command.request, tell)


def _take_file(work: "Work", task: AuditTask, shown: Shown) -> None:
    """Uses a paper for a task, where it is the file that was shown."""
    material_id = shown.material_id
    # Locked: nobody replaces or gives it up before it is evidence.
    found = work.materials.lock([material_id])
    file = None
    if found:
        (material,) = found
        manifest, told = work.materials.manifest(material), material.told
        if manifest is not None and told is not None:
            file = StoredFile(
                material.person_id, manifest.sha256, told.photo, material.state in USABLE
            )
    photo = (shown.taken_time, shown.author, shown.place)
    check_file(
        file,
        material_id=material_id,
        sha256=shown.sha256,
        photo=photo,
        person_id=task.subject.person_id,
    )
    work.papers.bind([material_id], Owner.AUDIT_TASK, task.task_id)


def _own(work: "Work", command: AtTask, act: TaskAct) -> AuditTask:
    """Returns the task after an act of who has it."""
    task = locked_task(work, command.task_id)
    after = task.after(act)
    check_assignee(task, command.request.caller.path)
    return after
