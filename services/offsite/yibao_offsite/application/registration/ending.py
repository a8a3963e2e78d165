"""Registrations that end by what became of their persons, in the transaction that tells of it."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import Ids
from yibao_offsite.application.registration.keeping import keep, keep_new, record_job
from yibao_offsite.application.registration.merged import survivor_of
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.rules.registration.change import end
from yibao_offsite.rules.registration.kinds import EndReason, Origin
from yibao_offsite.rules.registration.persons import ending_of
from yibao_offsite.rules.registration.place import covering_region
from yibao_offsite.rules.registration.registration import Registration
from yibao_offsite.rules.registration.states import Event, State

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

METHOD = "EndRegistration"
# Nobody asks for it: identity told what became of the person.
_ACTOR = "service/offsite"


def end_by_person(
    work: "Work", persons: Sequence[KnownPerson], *, now: dt.datetime, ids: Ids
) -> int:
    """Ends registrations by what became of `persons`, who are locked; returns how many.

    Death ends with the day of death, the end of enrolment with its last day. Those of a
    person whose record is another's go on as the other's, whose self-service is limited as
    well then, and end by what became of that one.
    """
    survivors = {
        each.person_id: survivor_of(work, each.merged_into, retired=each.person_id)
        for each in persons
        if each.merged_into
    }
    for person_id, survivor_id in sorted(survivors.items()):
        work.persons.lock(survivor_id)
        work.registrations.pass_on_limits(person_id, survivor_id)
    merged = [each for each in persons if each.merged_into is not None]
    remaining = [each for each in persons if each.merged_into is None]
    # Those last: some of theirs came with a merge.
    return sum(_end_all(work, part, survivors, now=now, ids=ids) for part in (merged, remaining))


def _end_all(
    work: "Work",
    persons: Sequence[KnownPerson],
    survivors: Mapping[str, str],
    *,
    now: dt.datetime,
    ids: Ids,
) -> int:
    known = {each.person_id: each for each in persons}
    today, count = shanghai_day(now), 0
    for registration in work.registrations.of_persons(sorted(known)):
        ending = ending_of(registration, known[registration.person_id], today=today)
        if ending is None:
            continue
        reason, last_date = ending
        locked = work.registrations.lock(registration.registration_id)
        assert locked is not None, registration.registration_id
        ended = end(locked, reason, last_date=last_date)
        if reason is EndReason.MERGED and _may_go_on(locked):
            survivor_id = survivors[registration.person_id]
            ended = _gone_over(work, locked, ended, survivor_id, now=now, ids=ids)
        keep(work, ended, Event.ENDED, actor=_ACTOR, at=now)
        record_job(work, METHOD, _ACTOR, ended, at=now)
        count += 1
    return count


def _may_go_on(registration: Registration) -> bool:
    """Tells whether a registration may go on as the survivor's.

    An emergency is of one visit, which has one registration, and covers no other care.
    """
    return registration.state is State.ACTIVE and registration.origin is not Origin.DEEMED


def _gone_over(
    work: "Work",
    before: Registration,
    ended: Registration,
    survivor_id: str,
    *,
    now: dt.datetime,
    ids: Ids,
) -> Registration:
    """Lets a registration go on as another person's, who is alive and has none of the place.

    Returns the one before, ended.
    """
    # Where somebody registers for the survivor at the same time, one of the two waits.
    survivor = work.persons.lock(survivor_id)
    if survivor is not None and survivor.death_date is not None:
        return ended
    others = work.registrations.of_person(survivor_id)
    if _has_one(before, others, today=shanghai_day(now)):
        return ended
    application = dataclasses.replace(before.application, person_id=survivor_id)
    goes_on = dataclasses.replace(
        before,
        registration_id=ids(),
        application=application,
        version=1,
        replaces_registration_id=before.registration_id,
    )
    # The papers are kept for as long as this one lasts, and not from today on.
    keep_new(work, [goes_on], [_ACTOR], at=now)
    record_job(work, METHOD, _ACTOR, goes_on, at=now)
    return dataclasses.replace(ended, replaced_by_registration_id=goes_on.registration_id)


def _has_one(registration: Registration, others: Iterable[Registration], *, today: dt.date) -> bool:
    """Tells whether one of `others` covers the place from today on.

    An emergency is of one visit, what is applied for may be refused, and what is over covers
    nobody: where one of these stood in the way, the person had nothing.
    """
    place = covering_region(registration.treatment_region)
    return any(
        other.state is State.ACTIVE
        and other.origin is not Origin.DEEMED
        and today <= (other.last_date or dt.date.max)
        and covering_region(other.treatment_region) == place
        and other.start_date <= (registration.last_date or dt.date.max)
        and registration.start_date <= (other.last_date or dt.date.max)
        for other in others
    )
