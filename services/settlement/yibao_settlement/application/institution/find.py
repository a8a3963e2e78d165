"""What is read of institutions: one as it stands on a day, lists of them and of their staff."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.transactions import Transactions
from yibao_settlement.application.institution.registry import doctor_not_found, year_of
from yibao_settlement.application.institution.rows import InstitutionWish
from yibao_settlement.rules.institution.points import DoctorPoints
from yibao_settlement.rules.institution.scope import InstitutionScope, scope_on
from yibao_settlement.rules.institution.staff import Department, Doctor
from yibao_settlement.rules.institution.suspension import SuspendedKind, Suspension
from yibao_settlement.rules.visit import Institution, check_known

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


class FoundInstitution(NamedTuple):
    """An institution as it stands on a day, with all its suspensions."""

    institution: Institution
    is_designated: bool
    scope: InstitutionScope | None
    suspensions: Sequence[Suspension]


class FoundDoctor(NamedTuple):
    """A doctor: where at work, the points of a year, the suspensions."""

    doctors: Sequence[Doctor]
    points: Sequence[DoctorPoints]
    suspensions: Sequence[Suspension]


class InstitutionReads:
    """Reads institutions, each call of one snapshot. Blocks."""

    def __init__(self, transactions: "Transactions[Work]") -> None:
        """Takes what begins transactions."""
        self._transactions = transactions

    def institution(self, region: str, institution_id: str, day: dt.date) -> FoundInstitution:
        """Returns an institution on a day; raises INSTITUTION_NOT_DESIGNATED for an unknown one."""
        with self._transactions.read(region) as work:
            rows = work.institutions
            found = check_known(rows.find([institution_id]).get(institution_id), institution_id)
            scope = scope_on(rows.scopes(institution_id), day)
            suspensions = [
                each
                for each in rows.suspensions(institution_id=institution_id)
                if each.kind is not SuspendedKind.DOCTOR
            ]
        is_designated = found.start_date <= day and (
            found.end_date is None or day <= found.end_date
        )
        return FoundInstitution(found, is_designated, scope, suspensions)

    def institutions(
        self, region: str, wish: InstitutionWish, *, after: str | None, limit: int
    ) -> Sequence[Institution]:
        """Returns at most `limit` institutions behind an id."""
        with self._transactions.read(region) as work:
            return work.institutions.listed(wish, after=after, limit=limit)

    def departments(
        self, region: str, institution_id: str, *, after: str | None, limit: int
    ) -> Sequence[Department]:
        """Returns at most `limit` departments behind a code."""
        with self._transactions.read(region) as work:
            return work.institutions.departments(institution_id, after=after, limit=limit)

    def doctors(
        self, region: str, institution_id: str, *, after: str | None, limit: int
    ) -> Sequence[Doctor]:
        """Returns at most `limit` doctors behind a code."""
        with self._transactions.read(region) as work:
            return work.institutions.doctors(institution_id, after=after, limit=limit)

    def doctor(
        self, region: str, doctor_code: str, year: int, *, institution_id: str | None
    ) -> FoundDoctor:
        """Returns a doctor; of an institution's question its own row alone.

        Raises RuleError DOCTOR_NOT_FOUND.
        """
        with self._transactions.read(region) as work:
            doctors = [
                each
                for each in work.institutions.doctor(doctor_code)
                if institution_id in (None, each.institution_id)
            ]
            if not doctors:
                raise doctor_not_found(doctor_code)
            points = work.institutions.points(doctor_code, *year_of(year))
            suspensions = work.institutions.suspensions(doctor_code=doctor_code)
        return FoundDoctor(doctors, points, suspensions)

    def suspensions(
        self,
        region: str,
        *,
        institution_id: str | None,
        day: dt.date | None,
        after: str | None,
        limit: int,
    ) -> list[Suspension]:
        """Returns at most `limit` suspensions, the one recorded first at the head.

        With `day`, those alone that hold on it.
        """
        with self._transactions.read(region) as work:
            found = work.institutions.suspensions(
                institution_id=institution_id,
                after=after,
                # Few: all are read where some of them are left out.
                limit=limit if day is None else None,
            )
        holding = [each for each in found if day is None or each.holds_on(day)]
        return holding[:limit]
