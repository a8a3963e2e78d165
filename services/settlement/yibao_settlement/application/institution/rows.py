"""Institutions with their scopes, staff and suspensions, as one transaction finds and writes."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from yibao_settlement.rules.institution.points import DoctorPoints
from yibao_settlement.rules.institution.scope import InstitutionScope
from yibao_settlement.rules.institution.staff import Department, Doctor
from yibao_settlement.rules.institution.suspension import Suspension
from yibao_settlement.rules.visit import Institution


class InstitutionWish(NamedTuple):
    """Which institutions are asked for; empty limits nothing."""

    code_prefix: str = ""
    name_contains: str = ""


class InstitutionRows(Protocol):
    """Institutions of a region; rows are listed by their codes, behind the one given."""

    def find(self, institution_ids: Collection[str]) -> Mapping[str, Institution]:
        """Returns institutions by id; those that are not there are left out."""
        ...

    def listed(
        self, wish: InstitutionWish, *, after: str | None, limit: int
    ) -> Sequence[Institution]:
        """Returns at most `limit` institutions."""
        ...

    def put_scopes(self, scopes: Sequence[InstitutionScope]) -> None:
        """Stores scopes; one with the institution and first day of a stored row replaces it."""
        ...

    def scopes(self, institution_id: str) -> Sequence[InstitutionScope]:
        """Returns what was said of an institution."""
        ...

    def put_departments(self, departments: Sequence[Department]) -> None:
        """Stores departments; one stored before is replaced."""
        ...

    def departments(
        self, institution_id: str, *, after: str | None, limit: int
    ) -> Sequence[Department]:
        """Returns at most `limit` departments of an institution."""
        ...

    def department(self, institution_id: str, department_code: str) -> Department | None:
        """Returns a department, or None."""
        ...

    def put_doctors(self, doctors: Sequence[Doctor]) -> None:
        """Stores doctors; one stored before is replaced."""
        ...

    def doctors(self, institution_id: str, *, after: str | None, limit: int) -> Sequence[Doctor]:
        """Returns at most `limit` doctors of an institution."""
        ...

    def doctor(self, doctor_code: str) -> Sequence[Doctor]:
        """Returns where a doctor works, by institution."""
        ...

    def add_points(self, points: DoctorPoints) -> None:
        """Stores points."""
        ...

    def points(self, doctor_code: str, since: dt.date, until: dt.date) -> Sequence[DoctorPoints]:
        """Returns a doctor's points of some days, both ends included, oldest first."""
        ...

    def add_suspension(self, suspension: Suspension) -> None:
        """Stores a suspension."""
        ...

    def lift(self, suspension: Suspension) -> None:
        """Stores that a suspension was lifted."""
        ...

    def suspensions(
        self,
        *,
        suspension_id: str | None = None,
        institution_id: str | None = None,
        doctor_code: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Suspension]:
        """Returns suspensions, the one recorded first at the head; None limits nothing.

        Of an institution they are its own, those of its departments and those of its doctors.
        """
        ...
