"""Evidence of audits (O-07, O-09): photos with hash, time, author and place, never replaced.

The file is a material. What is kept of it here says which file it was: one that is swapped later
has another hash, and evidence that is changed has another digest than the closed task tells.
"""

import datetime as dt
import enum
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.audit_task.states import TaskState
from yibao_offsite.rules.audit_task.task import AuditTask

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
# A phone's clock may be ahead of ours by so much.
_AHEAD = dt.timedelta(minutes=5)


class EvidencePurpose(enum.IntEnum):
    """What evidence is read for, by its number in the contract."""

    AUDIT = 1
    CLOSING = 2
    APPEAL = 3
    SUPERVISION = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """A photo or paper; `sha256` is that of the file, `taken_time` when it was taken."""

    number: int
    material_id: str
    sha256: bytes
    taken_time: dt.datetime
    author: str
    place: str
    adder: str
    add_time: dt.datetime


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A paper as it is stored: whose, of which bytes, taken when, by whom and where.

    `photo` is None where it is no photo; `is_usable` says whether it may be relied upon.
    """

    person_id: str
    sha256: bytes
    photo: tuple[dt.datetime, str, str] | None
    is_usable: bool


def check_captured(taken_time: dt.datetime, *, now: dt.datetime) -> None:
    """Refuses a photo that is to be taken. Raises RuleError FIELD_OUT_OF_RANGE."""
    if taken_time > now + _AHEAD:
        refuse_faults([FieldFault("taken_time", Reason.FIELD_OUT_OF_RANGE, "is to come")])


def check_new(evidence: Iterable[Evidence], material_id: str) -> None:
    """Refuses a material that is evidence already. Raises RuleError AUDIT_EVIDENCE_EXISTS."""
    if any(each.material_id == material_id for each in evidence):
        raise RuleError(
            Reason.AUDIT_EVIDENCE_EXISTS,
            f"material {material_id} is evidence of the task",
            material_id=material_id,
        )


def check_file(
    file: StoredFile | None,
    *,
    material_id: str,
    sha256: bytes,
    photo: tuple[dt.datetime, str, str],
    person_id: str,
) -> None:
    """Refuses a file that is not the one that is shown, or is another person's.

    A photo was taken when, by whom and where it was told as it was handed in. `person_id` is
    empty where the task is of no person.

    Raises:
        RuleError: AUDIT_EVIDENCE_UNKNOWN.
    """
    fits = (
        file is not None
        and file.is_usable
        and file.sha256 == sha256
        and file.photo in (None, photo)
        and (not person_id or file.person_id == person_id)
    )
    if not fits:
        raise RuleError(
            Reason.AUDIT_EVIDENCE_UNKNOWN,
            f"material {material_id} is not the file that was added",
            material_id=material_id,
        )


def evidence_not_kept() -> RuleError:
    """Returns the refusal of evidence where no papers are kept."""
    return RuleError(
        Reason.MATERIALS_NOT_KEPT,
        "the service keeps no papers: its configuration has no [personal_data]",
    )


def evidence_digest(task_id: str, evidence: Sequence[Evidence]) -> bytes:
    """Returns 32 bytes that stand for all evidence of a task, in its order."""
    digest = hashlib.sha256(f"yibao audit evidence\n{task_id}\n".encode())
    for each in evidence:
        for value in (
            str(each.number).encode(),
            each.material_id.encode(),
            each.sha256,
            _instant(each.taken_time),
            each.author.encode(),
            each.place.encode(),
            each.adder.encode(),
            _instant(each.add_time),
        ):
            digest.update(len(value).to_bytes(4, "big") + value)
    return digest.digest()


def check_may_read(task: AuditTask, caller: Caller) -> None:
    """Refuses who may not read the evidence of a task (O-09).

    Its operator may, and once it is reported every operator of the agency, one of whom has to
    close it; a supervisor always may.

    Raises:
        RuleError: AUDIT_EVIDENCE_RESTRICTED.
    """
    is_reported = task.state in (TaskState.REPORTED, TaskState.CLOSED)
    if caller.role is Role.SUPERVISOR or caller.path == task.assignee or is_reported:
        return
    raise RuleError(
        Reason.AUDIT_EVIDENCE_RESTRICTED,
        f"evidence of task {task.task_id} is read by who has it",
        task_id=task.task_id,
    )


def _instant(instant: dt.datetime) -> bytes:
    return str((instant - _EPOCH) // _MICROSECOND).encode()
