"""Registrations in memory."""

import dataclasses

from yibao_offsite.application.registration import RegistrationRows
from yibao_offsite.rules.registration import Application, Registration


@dataclasses.dataclass
class MemoryRegistrations(RegistrationRows):
    """Registrations of one region; `locked` names what was locked, in order."""

    rows: dict[str, Registration] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)

    def lock_person(self, person_id: str) -> None:
        self.locked.append(person_id)

    def of_person(self, person_id: str) -> list[Registration]:
        return [each for each in self.rows.values() if each.person_id == person_id]

    def find(self, registration_id: str) -> Registration | None:
        return self.rows.get(registration_id)

    def lock(self, registration_id: str) -> Registration | None:
        self.locked.append(registration_id)
        return self.find(registration_id)

    def insert(
        self, registration: Registration, application: Application, *, registered_by: str
    ) -> None:
        assert registration.registration_id not in self.rows
        self.rows[registration.registration_id] = registration

    def cancel(self, registration: Registration, *, cancelled_by: str) -> None:
        self.rows[registration.registration_id] = registration
