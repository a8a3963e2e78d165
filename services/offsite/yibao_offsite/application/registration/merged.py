"""Persons who were merged, and the registrations that went on with them.

A registration of a record that was merged goes on as another one of the survivor's. Both rest
on one statement, so what turns out of the one holds of the other.
"""

from typing import TYPE_CHECKING

from yibao_offsite.rules.registration.registration import Registration

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


def survivor_of(work: "Work", person_id: str, *, retired: str = "") -> str:
    """Returns who stands in the place of a person by now: itself where nobody does.

    `retired` was merged into it. Where identity was restored and the opposite merge came then,
    the feed may tell of that before it tells that the first one is undone: so nobody stands in
    the place of who was merged into it.
    """
    passed = {person_id, retired}
    while True:
        person = work.persons.find(person_id)
        if person is None or person.merged_into is None or person.merged_into in passed:
            return person_id
        person_id = person.merged_into
        passed.add(person_id)


def of_one_statement(work: "Work", registration: Registration) -> tuple[Registration, ...]:
    """Returns a registration with those that merges made of it or that it was made of.

    In the order in which they came about.
    """
    before, after = [], []
    one = registration
    while (former := _other(work, one, one.replaces_registration_id)) is not None:
        one = former
        before.append(one)
    one = registration
    while (later := _other(work, one, one.replaced_by_registration_id)) is not None:
        one = later
        after.append(one)
    return (*reversed(before), registration, *after)


def lock_persons_of(work: "Work", registration: Registration) -> frozenset[str]:
    """Locks whose registrations of one statement are, and who stands in their place by now."""
    held: frozenset[str] = frozenset()
    # Again after the locks: somebody may have been merged while they were waited for.
    while missing := _persons_of(work, registration) - held:
        for person_id in sorted(missing):
            work.persons.lock(person_id)
        held |= missing
    return held


def _persons_of(work: "Work", registration: Registration) -> frozenset[str]:
    own = {each.person_id for each in of_one_statement(work, registration)}
    return frozenset(own | {survivor_of(work, each) for each in own})


def _other(
    work: "Work", registration: Registration, registration_id: str | None
) -> Registration | None:
    """Returns the registration of an id where a merge lies between the two, or None.

    A change by wish is of one person, and rests on a statement of its own.
    """
    other = None if registration_id is None else work.registrations.find(registration_id)
    if other is None or other.person_id == registration.person_id:
        return None
    return other
