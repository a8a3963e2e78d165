"""Qualifications that end by what became of their persons, in the transaction that tells of it."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yibao_common.commands.audit import OK, AuditEntry
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import Ids
from yibao_offsite.application.qualification.apply import note_event
from yibao_offsite.application.qualification.rows import Errand
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.rules.qualification.deciding import end_by_person, goes_on
from yibao_offsite.rules.qualification.qualification import CarryState, EventKind, Qualification

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

METHOD = "EndQualification"
# Nobody asks for it: identity told what became of the person.
_ACTOR = "service/offsite"


def end_qualifications(
    work: "Work", persons: Sequence[KnownPerson], *, now: dt.datetime, ids: Ids
) -> int:
    """Ends qualifications by what became of `persons`, who are locked; returns how many.

    Those of a person whose record is another's go on, and end by what becomes of the other.
    Identity is told of what it has, as of any other end.
    """
    today, count = shanghai_day(now), 0
    told_ids = {each.person_id for each in persons}
    for person in persons:
        survivor = surviving(work, person)
        # Nothing is looked for where nothing can end: that is nearly everybody's case.
        if survivor is None or goes_on(survivor):
            continue
        if survivor.person_id not in told_ids and survivor.death_date is None:
            # A merge lets the survivor take over enrolments, which is told of with the survivor:
            # what is known of its enrolments may be from before.
            continue
        for each in work.qualifications.of_persons(work.persons.records_of(person.person_id)):
            if end_by_person(each, survivor, today=today) is None:
                continue
            # As whoever decided on it at the same time left it.
            locked = work.qualifications.lock(each.qualification_id)
            assert locked is not None, each.qualification_id
            ended = end_by_person(locked, survivor, today=today)
            if ended is None:
                continue
            keep_ended(work, ended, now=now, ids=ids)
            count += 1
    return count


def keep_ended(work: "Work", ended: Qualification, *, now: dt.datetime, ids: Ids) -> None:
    """Stores a locked qualification that its person ended, on record and told to identity."""
    work.qualifications.update(ended)
    if ended.carry_state is CarryState.WAITING:
        work.errands.put_errand(Errand(ended.qualification_id, ids(), now, 0, now))
    told = ended.explanation
    note_event(work, ended, EventKind.ENDED, at=now, actor="", explanation=told)
    subjects = (ended.person_id, ended.qualification_id)
    detail = {"state": ended.state.name, "reason": told}
    work.audit.add(AuditEntry(work.region, now, _ACTOR, METHOD, subjects, OK, detail, ""))


def lock_surviving(work: "Work", person_id: str) -> KnownPerson | None:
    """Locks a person, and whose duplicate it turned out to be; returns the one that stays.

    None where nothing is known of it.
    """
    person = work.persons.lock(person_id)
    return None if person is None else surviving(work, person)


def surviving(work: "Work", person: KnownPerson) -> KnownPerson | None:
    """Returns whose record a person's is by now; None where the feed has not told of it yet.

    The survivor is locked, also where the feed has still to tell: the feed tells what becomes
    only of those whom somebody has locked. Where identity was restored and the other record of
    the two was merged then, that stands until the feed has told that the first merge is undone.
    """
    known: KnownPerson | None = person
    passed = {person.person_id}
    while known is not None and known.merged_into is not None and known.merged_into not in passed:
        passed.add(known.merged_into)
        known = work.persons.lock(known.merged_into)
    return known
