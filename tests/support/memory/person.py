"""Persons in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection

from support.memory.holder import MemoryHolders

from yibao_identity.application.holder import LockedPerson
from yibao_identity.application.person.rows import PersonRows, TypedPerson
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.person import FormerHolder, Person


@dataclasses.dataclass
class MemoryPersons(PersonRows):
    """Persons of one region over what `holders` locks; `former` is what stood before."""

    holders: MemoryHolders
    rows: dict[str, Person] = dataclasses.field(default_factory=dict)
    former: list[Person] = dataclasses.field(default_factory=list)
    # Whose documents find them no more.
    given_up: set[str] = dataclasses.field(default_factory=set)
    # Who had which document, and who gave it up, in this order.
    history: list[tuple[ShownDocument, FormerHolder]] = dataclasses.field(default_factory=list)

    def find(self, person_id: str) -> Person | None:
        return self.rows.get(person_id)

    def is_registered(self, person_id: str) -> bool:
        return person_id in self.rows

    def of_document(self, document: ShownDocument) -> str | None:
        found = (
            each.person_id
            for each in self.rows.values()
            if each.person_id not in self.given_up and each.key == document
        )
        return next(found, None)

    def former_holder(self, document: ShownDocument) -> FormerHolder | None:
        found = [each for each in self.history if each[0] == document]
        return found[-1][1] if found else None

    def first_child_birth_date(self, parent_ids: Collection[str]) -> dt.date | None:
        born = [
            each.birth_date
            for each in self.rows.values()
            if each.parent_id in parent_ids and each.merged_into is None
        ]
        return min(born, default=None)

    def of_types(
        self, certificate_types: Collection[str], *, after_person_id: str | None, limit: int
    ) -> list[TypedPerson]:
        found = sorted(each for each in self.rows if each > (after_person_id or ""))
        persons = (self.rows[each] for each in found)
        typed = [each for each in persons if each.certificate_type in certificate_types]
        return [TypedPerson(each, is_found_by_type=False) for each in typed[:limit]]

    def insert(self, person: Person, *, registered_by: str) -> None:
        assert person.person_id not in self.rows
        assert registered_by
        self._put(person)

    def correct(self, person: Person, *, at: dt.datetime, by: str, explanation: str) -> None:
        former = self.rows[person.person_id]
        self.former.append(former)
        self.history.append((former.key, FormerHolder(person.person_id, by)))
        self._put(person)

    def give_up_document(self, person_id: str) -> None:
        assert person_id in self.rows
        self.given_up.add(person_id)

    def take_document(self, person: Person) -> None:
        assert self.of_document(person.key) in (None, person.person_id)
        self.given_up.discard(person.person_id)

    def retire(self, person_id: str, *, merged_into: str) -> None:
        self._put(dataclasses.replace(self.rows[person_id], merged_into=merged_into))

    def _put(self, person: Person) -> None:
        self.rows[person.person_id] = person
        self.holders.persons[person.person_id] = LockedPerson(
            person.person_id, person.birth_date, person.merged_into
        )
        self.holders.documents[person.person_id] = person.key
