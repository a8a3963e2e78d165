"""Institutions with their scopes, staff and suspensions in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence

from yibao_settlement.application.institution.rows import InstitutionRows, InstitutionWish
from yibao_settlement.rules.institution.points import DoctorPoints
from yibao_settlement.rules.institution.scope import InstitutionScope
from yibao_settlement.rules.institution.staff import Department, Doctor
from yibao_settlement.rules.institution.suspension import SuspendedKind, Suspension
from yibao_settlement.rules.visit import Institution


@dataclasses.dataclass
class MemoryInstitutions(InstitutionRows):
    """Rows of one region by their keys."""

    known: dict[str, Institution] = dataclasses.field(default_factory=dict)
    said: dict[tuple[str, dt.date], InstitutionScope] = dataclasses.field(default_factory=dict)
    its_departments: dict[tuple[str, str], Department] = dataclasses.field(default_factory=dict)
    its_doctors: dict[tuple[str, str], Doctor] = dataclasses.field(default_factory=dict)
    given: list[DoctorPoints] = dataclasses.field(default_factory=list)
    suspended: dict[str, Suspension] = dataclasses.field(default_factory=dict)

    def find(self, institution_ids: Collection[str]) -> dict[str, Institution]:
        return {each: self.known[each] for each in institution_ids if each in self.known}

    def listed(self, wish: InstitutionWish, *, after: str | None, limit: int) -> list[Institution]:
        return [self.known[each] for each in sorted(self.known) if each > (after or "")][:limit]

    def put_scopes(self, scopes: Sequence[InstitutionScope]) -> None:
        self.said.update({(each.institution_id, each.start_date): each for each in scopes})

    def scopes(self, institution_id: str) -> list[InstitutionScope]:
        return [each for key, each in sorted(self.said.items()) if key[0] == institution_id]

    def put_departments(self, departments: Sequence[Department]) -> None:
        self.its_departments.update({each[:2]: each for each in departments})

    def departments(
        self, institution_id: str, *, after: str | None, limit: int
    ) -> list[Department]:
        found = [each for key, each in sorted(self.its_departments.items())]
        return [each for each in found if each.department_code > (after or "")][:limit]

    def department(self, institution_id: str, department_code: str) -> Department | None:
        return self.its_departments.get((institution_id, department_code))

    def put_doctors(self, doctors: Sequence[Doctor]) -> None:
        self.its_doctors.update({each[:2]: each for each in doctors})

    def doctors(self, institution_id: str, *, after: str | None, limit: int) -> list[Doctor]:
        found = [each for key, each in sorted(self.its_doctors.items()) if key[0] == institution_id]
        return [each for each in found if each.doctor_code > (after or "")][:limit]

    def doctor(self, doctor_code: str) -> list[Doctor]:
        return [each for each in self.its_doctors.values() if each.doctor_code == doctor_code]

    def add_points(self, points: DoctorPoints) -> None:
        self.given.append(points)

    def points(self, doctor_code: str, since: dt.date, until: dt.date) -> list[DoctorPoints]:
        return [
            each
            for each in self.given
            if each.doctor_code == doctor_code and since <= each.points_date <= until
        ]

    def add_suspension(self, suspension: Suspension) -> None:
        self.suspended[suspension.suspension_id] = suspension

    def lift(self, suspension: Suspension) -> None:
        self.suspended[suspension.suspension_id] = suspension

    def suspensions(
        self,
        *,
        suspension_id: str | None = None,
        institution_id: str | None = None,
        doctor_code: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[Suspension]:
        found = [
            each
            for key, each in sorted(self.suspended.items())
            if suspension_id in (None, key)
            and institution_id in (None, each.institution_id)
            and (
                doctor_code is None or (each.kind, each.code) == (SuspendedKind.DOCTOR, doctor_code)
            )
            and key > (after or "")
        ]
        return found[:limit]
