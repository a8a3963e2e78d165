"""Persons in memory, as what every command locks first."""

import dataclasses
import datetime as dt
from collections.abc import Collection

from yibao_identity.application.holder import HolderRows, LockedPerson
from yibao_identity.rules.document import ShownDocument


@dataclasses.dataclass
class MemoryHolders(HolderRows):
    """Persons of one region; `locked` names who was locked, in order."""

    persons: dict[str, LockedPerson] = dataclasses.field(default_factory=dict)
    documents: dict[str, ShownDocument] = dataclasses.field(default_factory=dict)
    # Of e-certificates that are not closed, by their ids.
    certificates: dict[str, str] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)

    def add(
        self, person_id: str, *, birth_date: dt.date, document: ShownDocument | None = None
    ) -> None:
        """Registers a person."""
        self.persons[person_id] = LockedPerson(person_id, birth_date, None)
        if document is not None:
            self.documents[person_id] = document

    def lock(self, person_ids: Collection[str]) -> dict[str, LockedPerson]:
        known = {each: self.persons[each] for each in sorted(person_ids) if each in self.persons}
        self.locked += known
        return known

    def survivor_of(self, person_id: str) -> str:
        while (survivor := self.persons[person_id].merged_into) is not None:
            person_id = survivor
        return person_id

    def records_of(self, person_id: str) -> list[str]:
        records = [person_id]
        for record in records:
            records += [
                each.person_id for each in self.persons.values() if each.merged_into == record
            ]
        return records

    def has_document(self, person_id: str, document: ShownDocument) -> bool:
        known = self.documents[person_id]
        return (document.certificate_type, document.certificate_number) == (
            known.certificate_type,
            known.certificate_number,
        )

    def number_of(self, person_id: str) -> str:
        return self.documents[person_id].certificate_number

    def of_open_certificate(self, certificate_id: str) -> str | None:
        return self.certificates.get(certificate_id)

    def has_certificate(self, certificate_id: str) -> bool:
        return certificate_id in self.certificates
