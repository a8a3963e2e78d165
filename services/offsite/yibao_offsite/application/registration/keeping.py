"""Keeping a registration: its row, its step, the audit, and what settlement is told."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yibao_common.commands.audit import AuditEntry, entry_of
from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_offsite.rules.material.material import Owner
from yibao_offsite.rules.registration.kinds import TaskKind
from yibao_offsite.rules.registration.registration import Registration, Step
from yibao_offsite.rules.registration.states import Event, State
from yibao_offsite.rules.registration.told import registered_care

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


def keep(
    work: "Work",
    registration: Registration,
    event: Event,
    *,
    actor: str,
    at: dt.datetime,
    remark: str = "",
) -> None:
    """Stores a registration with the step that made it so, and tells settlement of it."""
    work.registrations.update(registration, _step(registration, event, actor, at, remark))
    _tell(work, registration)
    _end_papers(work, registration, at)


def keep_new(
    work: "Work", registrations: Sequence[Registration], actors: Sequence[str], *, at: dt.datetime
) -> None:
    """Stores new registrations with their papers and tells settlement of them.

    `actors` are those whose registrations they are, in the same order.
    """
    new = []
    for registration, actor in zip(registrations, actors, strict=True):
        assert registration.state.is_open, registration.registration_id
        event = Event.GRANTED if registration.state is State.ACTIVE else Event.APPLIED
        new.append((registration, _step(registration, event, actor, at)))
        _tell(work, registration)
        if registration.application.materials:
            bind_papers(work, registration)
            _end_papers(work, registration, at)
    work.registrations.insert(new)


def _step(
    registration: Registration, event: Event, actor: str, at: dt.datetime, remark: str = ""
) -> Step:
    return Step(registration.version, event, registration.state, at, actor, remark)


def _tell(work: "Work", registration: Registration) -> None:
    told = registered_care(registration)
    if told is not None:
        work.feed.tell_registration(told)


def bind_papers(work: "Work", registration: Registration) -> None:
    """Notes that a registration rests on its uploaded papers."""
    materials = registration.application.materials
    ids = [each.material_id for each in materials if each.material_id is not None]
    if ids:
        work.papers.bind(ids, Owner.REGISTRATION, registration.registration_id)


def _end_papers(work: "Work", registration: Registration, at: dt.datetime) -> None:
    on = _papers_end(registration, today=shanghai_day(at))
    work.papers.end(Owner.REGISTRATION, registration.registration_id, on=on)


def _papers_end(registration: Registration, *, today: dt.date) -> dt.date | None:
    """Returns the last day of what a registration's papers are for, None while none is known.

    Nothing happens to a registration on the day on which its cover runs out, so that day is
    told beforehand. What is still to be checked goes on, for its papers may be returned.
    """
    if registration.state.is_open:
        task = registration.task
        is_checked = task is not None and task.kind is TaskKind.CHECK
        is_known = registration.state.was_granted and not is_checked
        return registration.last_date if is_known else None
    # Of what was never granted the papers' years begin now.
    return max(registration.ended_date or today, today)


def record(work: "Work", request: Request, *registrations: Registration, at: dt.datetime) -> None:
    """Puts on record who did what to whose registrations; the first is what was asked about."""
    # Of one person, but for those that a merge made.
    persons = dict.fromkeys(each.person_id for each in registrations)
    subjects = (*persons, *(each.registration_id for each in registrations))
    detail = {"state": registrations[0].state.name}
    work.audit.add(entry_of(request, at=at, subject_ids=subjects, detail=detail))


def record_job(
    work: "Work", method: str, actor: str, registration: Registration, *, at: dt.datetime
) -> None:
    """Puts on record what became of a registration without anybody's request."""
    subjects = (registration.person_id, registration.registration_id)
    reason = registration.end_reason
    detail = {"state": registration.state.name, "reason": reason.name if reason else ""}
    entry = AuditEntry(registration.region, at, actor, method, subjects, "OK", detail, "")
    work.audit.add(entry)
