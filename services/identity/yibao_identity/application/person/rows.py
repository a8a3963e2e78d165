"""Insured persons as stored and read as a whole, and the rows that features of persons share."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.enrolment import Enrolment, in_order, until
from yibao_identity.rules.person import FormerHolder, Person

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclass(frozen=True, slots=True)
class EnrolledPerson:
    """A person with the enrolments that stand, in the order of `rules.enrolment.in_order`.

    Of somebody who died they end with that day.
    """

    person: Person
    enrolments: tuple[Enrolment, ...]


@dataclass(frozen=True, slots=True)
class TypedPerson:
    """A person, and whether the type is part of what the record is found by, as before I-28."""

    person: Person
    is_found_by_type: bool


EncodePerson = Callable[[EnrolledPerson], bytes]


class PersonRows(Protocol):
    """Persons of a region, as one transaction finds and writes them.

    `HolderRows` locks them. Documents are taken as `rules.document.person_key` gives them.
    """

    def find(self, person_id: str) -> Person | None:
        """Returns a person, or None; a merged one as what it was."""
        ...

    def is_registered(self, person_id: str) -> bool:
        """Tells whether there is such a person, merged or not."""
        ...

    def of_document(self, document: ShownDocument) -> str | None:
        """Returns the id of the person who is found by it, merged or not, or None."""
        ...

    def former_holder(self, document: ShownDocument) -> FormerHolder | None:
        """Returns who had a document last that nobody has now, or None where nobody had."""
        ...

    def first_child_birth_date(self, parent_ids: Collection[str]) -> dt.date | None:
        """Returns the first birth date of who was registered with a parent, but merged ones."""
        ...

    def of_types(
        self, certificate_types: Collection[str], *, after_person_id: str | None, limit: int
    ) -> Sequence["TypedPerson"]:
        """Returns persons with documents of some types, by their ids; those after one, if any."""
        ...

    def insert(self, person: Person, *, registered_by: str) -> None:
        """Stores a new person.

        Where another transaction stores the same document now, this one waits for it and
        fails, and its repetition finds the person.
        """
        ...

    def correct(self, person: Person, *, at: dt.datetime, by: str, explanation: str) -> None:
        """Stores who a person is from now on, and keeps what stood before as history."""
        ...

    def give_up_document(self, person_id: str) -> None:
        """Lets a merged duplicate no longer be found by its document, which it keeps."""
        ...

    def take_document(self, person: Person) -> None:
        """Lets a person be found by the document that the record has; nobody else may be."""
        ...

    def retire(self, person_id: str, *, merged_into: str) -> None:
        """Notes which record took the place of a person's."""
        ...


def standing_enrolments(
    work: "Work", person_ids: Collection[str]
) -> Mapping[str, tuple[Enrolment, ...]]:
    """Returns the periods that stand, in their order, of each of `person_ids` (none twice)."""
    found = work.enrolments.standing(person_ids)
    return {person_id: in_order(found[person_id]) for person_id in person_ids}


def find_enrolled(work: "Work", person_id: str) -> EnrolledPerson | None:
    """Returns a person with the enrolments that stand, or None."""
    person = work.persons.find(person_id)
    if person is None:
        return None
    standing = standing_enrolments(work, [person_id])[person_id]
    return EnrolledPerson(person, until(standing, person.death_date))


def enrolled(work: "Work", person_id: str) -> EnrolledPerson:
    """Returns a person, who is locked, with the enrolments that stand."""
    found = find_enrolled(work, person_id)
    assert found is not None, "it is locked"
    return found
