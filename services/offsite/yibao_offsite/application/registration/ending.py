"""Registrations that end by what became of their persons, in the transaction that tells of it."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import Ids
from yibao_offsite.application.registration.keeping import bind_papers, keep, record_job
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
    person whose record is another's go on as the other's, and end by what became of that one.
    """
    merged = [each for each in persons if each.merged_into is not None]
    count = _end_all(work, merged, now=now, ids=ids)
    # Afterwards: some of theirs came with a merge.
    remaining = [each for each in persons if each.merged_into is None]
    remaining += _who_died_before(work, merged, {each.person_id for each in persons})
    return count + _end_all(work, remaining, now=now, ids=ids)


def _end_all(work: "Work", persons: Sequence[KnownPerson], *, now: dt.datetime, ids: Ids) -> int:
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
            survivor_id = known[registration.person_id].merged_into
            assert survivor_id is not None
            ended = _gone_over(work, locked, ended, survivor_id, now=now, ids=ids)
        keep(work, ended, Event.ENDED, actor=_ACTOR, at=now)
        record_job(work, METHOD, _ACTOR, ended, at=now)
        count += 1
    return count


def _who_died_before(
    work: "Work", merged: Iterable[KnownPerson], told_ids: Collection[str]
) -> list[KnownPerson]:
    """Returns survivors of merges who were not told of along with them, and are dead.

    Of the others nothing is known yet: a merge lets them take over enrolments.
    """
    record_ids = {id for each in merged for id in work.persons.records_of(each.person_id)}
    found = work.persons.find_many(record_ids - set(told_ids)).values()
    return [each for each in found if each.merged_into is None and each.death_date is not None]


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
    """Lets a registration go on as another person's, who has none of the place yet.

    Whoever that one turned out to be a duplicate of has it in the end. Returns the one before,
    ended.
    """
    # Where somebody registers for the survivor at the same time, one of the two waits.
    while (survivor := work.persons.lock(survivor_id)) and survivor.merged_into is not None:
        survivor_id = survivor.merged_into
    if _has_one(before, work.registrations.of_person(survivor_id)):
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
    bind_papers(work, goes_on)
    keep(work, goes_on, Event.GRANTED, actor=_ACTOR, at=now, is_new=True)
    record_job(work, METHOD, _ACTOR, goes_on, at=now)
    return dataclasses.replace(ended, replaced_by_registration_id=goes_on.registration_id)


def _has_one(registration: Registration, others: Iterable[Registration]) -> bool:
    place = covering_region(registration.treatment_region)
    return any(
        other.state.is_open
        and covering_region(other.treatment_region) == place
        and other.start_date <= (registration.last_date or dt.date.max)
        and registration.start_date <= (other.last_date or dt.date.max)
        for other in others
    )
