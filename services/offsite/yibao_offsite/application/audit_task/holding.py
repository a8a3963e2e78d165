"""Holds of audits: placed, lifted by another one, told to settlement in the same transaction."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yibao_common.commands.request import Request
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.application.audit_task.desk import (
    AtTask,
    AuditDesk,
    locked_task,
    put_on_record,
)
from yibao_offsite.application.audit_task.opening import check_insured
from yibao_offsite.rules.audit_task.hold import (
    PlacedHold,
    check_not_held,
    hold_not_found,
    lifted,
)
from yibao_offsite.rules.audit_task.states import TaskAct
from yibao_offsite.rules.audit_task.task import AuditTask, check_room
from yibao_offsite.rules.feed import AuditHold

if TYPE_CHECKING:
    import datetime as dt

    from yibao_offsite.application.work import Work

EncodeHold = Callable[[PlacedHold, AuditTask], bytes]
# Told besides whether no hospital told of the visit.
EncodePlaced = Callable[[PlacedHold, AuditTask, bool], bytes]


@dataclass(frozen=True, slots=True)
class HoldAsked:
    """Which visit is held and why; `person_id` is empty where the task says whose it is."""

    visit_id: str
    person_id: str
    reason: str


def place_hold(desk: AuditDesk, command: AtTask, asked: HoldAsked, encode: EncodePlaced) -> bytes:
    """Holds a visit until its task is closed.

    A visit that no hospital told of is held as well: outpatient visits are not declared, and a
    hospital that declares nothing would escape. Whoever placed the hold is told, since an id
    that was mistyped holds nothing.

    Raises:
        RuleError: AUDIT_TASK_NOT_FOUND, AUDIT_TASK_STATE, FIELD_REQUIRED, FIELD_OUT_OF_RANGE,
            PERSON_NOT_FOUND, AUDIT_HOLD_EXISTS, REQUEST_ID_REUSED.
    """

    def place(work: "Work") -> bytes:
        request, now = command.request, desk.clock()
        before = locked_task(work, command.task_id)
        task = before.after(TaskAct.HOLD)
        holds = work.audit_tasks.holds(task.task_id)
        check_room(len(holds), task)
        person_id = _whose(task, asked.person_id)
        if not task.subject.person_id:
            check_insured(work, person_id)
        _check_whose_visit(work, asked.visit_id, person_id)
        check_not_held(holds, asked.visit_id)
        hold = PlacedHold(
            desk.ids(),
            task.task_id,
            asked.visit_id,
            person_id,
            asked.reason,
            request.caller.path,
            now,
        )
        task = replace(task, hold_count=task.hold_count + 1)
        work.audit_tasks.insert_hold(hold)
        work.audit_tasks.update(task)
        tell(work, desk, hold)
        _record(work, request, task, TaskAct.HOLD, hold, at=now)
        return encode(hold, task, hold.hold_id in undeclared_holds(work, [hold]))

    return desk.transactions.once(command.request, place)


def lift_hold(
    desk: AuditDesk, request: Request, hold_id: str, *, reason: str, encode: EncodeHold
) -> bytes:
    """Lifts a hold before its task is closed.

    Raises:
        RuleError: AUDIT_HOLD_NOT_FOUND, AUDIT_HOLD_OF_OWN, REQUEST_ID_REUSED.
    """

    def lift(work: "Work") -> bytes:
        now = desk.clock()
        found = work.audit_tasks.find_hold(hold_id)
        if found is None:
            raise hold_not_found(hold_id)
        before = locked_task(work, found.task_id)
        # Read again under the lock, because another one may have lifted it meanwhile.
        hold = work.audit_tasks.find_hold(hold_id)
        if hold is None or not hold.stands:
            raise hold_not_found(hold_id)
        (hold,) = lift_all(work, desk, [hold], lifter=request.caller.path, reason=reason, now=now)
        task = replace(before.after(TaskAct.LIFT), hold_count=before.hold_count - 1)
        work.audit_tasks.update(task)
        _record(work, request, task, TaskAct.LIFT, hold, at=now)
        return encode(hold, task)

    return desk.transactions.once(request, lift)


def lift_all(
    work: "Work",
    desk: AuditDesk,
    holds: Iterable[PlacedHold],
    *,
    lifter: str,
    reason: str,
    now: "dt.datetime",
) -> list[PlacedHold]:
    """Lifts the holds that stand of those given, tells settlement and returns them.

    Raises:
        RuleError: AUDIT_HOLD_OF_OWN, before anything is written.
    """
    ended = [lifted(each, lifter=lifter, reason=reason, now=now) for each in holds if each.stands]
    for each in ended:
        work.audit_tasks.update_hold(each)
        tell(work, desk, each)
    return ended


def undeclared_holds(work: "Work", holds: Iterable[PlacedHold]) -> Collection[str]:
    """Returns the ids of the holds that stand whose visit no hospital told of as the person's."""
    standing = [each for each in holds if each.stands]
    whose = work.declarations.whose_visits({each.visit_id for each in standing})
    return {
        each.hold_id
        for each in standing
        if not _is_told_of(work, each.person_id, whose.get(each.visit_id, ()))
    }


def _is_told_of(work: "Work", person_id: str, whose: Collection[str]) -> bool:
    """Tells whether a visit is told of as a person's, by whichever record of it."""
    if not whose or person_id in whose:
        # Most often: no record of the person needs to be looked for.
        return bool(whose)
    return not set(whose).isdisjoint(work.persons.records_of(person_id))


def tell(work: "Work", desk: AuditDesk, hold: PlacedHold) -> None:
    """Has settlement told of a hold as it is now, signed."""
    told = AuditHold(
        hold.hold_id,
        hold.person_id,
        hold.visit_id,
        hold.task_id,
        not hold.stands,
        b"",
        hold.version,
    )
    work.feed.tell_hold(replace(told, attestation=desk.sign_hold(work.region, told)))


def _whose(task: AuditTask, person_id: str) -> str:
    own = task.subject.person_id
    if not own and not person_id:
        message = "is required, since the task is of no person"
        refuse_faults([FieldFault("person_id", Reason.FIELD_REQUIRED, message)])
    if own and person_id not in ("", own):
        message = "is not whom the task is of"
        refuse_faults([FieldFault("person_id", Reason.FIELD_OUT_OF_RANGE, message)])
    return own or person_id


def _check_whose_visit(work: "Work", visit_id: str, person_id: str) -> None:
    """Refuses to hold a visit that a hospital told of as another person's: its id was mistaken."""
    # As a stay that it declared, and as an emergency that it marked.
    told = (work.declarations.of_visit(visit_id), work.registrations.of_visit(visit_id))
    whose = {each.person_id for each in told if each is not None}
    if whose <= set(work.persons.records_of(person_id)):
        return
    message = "is declared as another person's"
    refuse_faults([FieldFault("visit_id", Reason.FIELD_OUT_OF_RANGE, message)])


def _record(
    work: "Work",
    request: Request,
    task: AuditTask,
    act: TaskAct,
    hold: PlacedHold,
    *,
    at: "dt.datetime",
) -> None:
    put_on_record(
        work,
        request,
        task,
        act,
        at=at,
        told=hold.visit_id,
        subject_ids=(hold.hold_id, hold.visit_id, hold.person_id),
        detail={"placer": hold.placer},
    )
