"""Institutions as stored with their scopes, staff, points and suspensions."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Row, insert_rows, select_rows, update_rows
from yibao_settlement.application.institution.rows import InstitutionRows, InstitutionWish
from yibao_settlement.rules.institution.points import DoctorPoints
from yibao_settlement.rules.institution.scope import InstitutionScope
from yibao_settlement.rules.institution.staff import Department, Doctor
from yibao_settlement.rules.institution.suspension import SuspendedKind, Suspension
from yibao_settlement.rules.visit import Institution
from yibao_settlement.storage import tables
from yibao_settlement.storage.catalogue import INSTITUTION_COLUMNS
from yibao_settlement.storage.institution import tables as institution_tables
from yibao_settlement.storage.institution.tables import (
    department,
    doctor,
    doctor_points,
    institution_scope,
    suspension,
)

StaffT = TypeVar("StaffT", bound=NamedTuple)

_LIFTED = ("lift_time", "lifted_by", "lift_last_date", "lift_reason")
_encode = msgspec.json.Encoder().encode
_codes = msgspec.json.Decoder(tuple[str, ...]).decode


def _scope_from(row: Sequence[Any]) -> InstitutionScope:
    institution_id, start_date, kind, care_types, *flags = row
    return InstitutionScope(institution_id, start_date, kind, _codes(care_types), *flags)


def _suspension_from(row: Sequence[Any]) -> Suspension:
    told = Suspension._make(row)
    return told._replace(
        kind=SuspendedKind(told.kind),
        lifted_by=told.lifted_by or "",
        lift_reason=told.lift_reason or "",
    )


def read_scopes(connection: sa.Connection, region: str) -> dict[str, list[InstitutionScope]]:
    """Returns what was said of a region's institutions, by institution."""
    columns = [institution_scope.c[name] for name in InstitutionScope._fields]
    query = sa.select(*columns).where(institution_scope.c.region == region)
    found: dict[str, list[InstitutionScope]] = {}
    for scope in map(_scope_from, connection.execute(query)):
        found.setdefault(scope.institution_id, []).append(scope)
    return found


def read_suspensions(connection: sa.Connection, region: str) -> list[Suspension]:
    """Returns all suspensions of a region, the one recorded first at the head."""
    return [_suspension_from(row) for row in connection.execute(_suspensions(region))]


def read_suspended_names(connection: sa.Connection, region: str) -> dict[tuple[str, str], str]:
    """Returns what departments that were ever suspended are called by now, by institution, code."""
    column = department.c
    is_suspended = sa.exists().where(
        suspension.c.region == column.region,
        suspension.c.kind == SuspendedKind.DEPARTMENT.value,
        suspension.c.institution_id == column.institution_id,
        suspension.c.code == column.department_code,
    )
    query = sa.select(column.institution_id, column.department_code, column.department_name)
    rows = connection.execute(query.where(column.region == region, is_suspended))
    return {(institution_id, code): name for institution_id, code, name in rows}


def _suspensions(region: str) -> "sa.Select[Any]":
    columns = [suspension.c[name] for name in Suspension._fields]
    query = sa.select(*columns).where(suspension.c.region == region)
    return query.order_by(suspension.c.suspension_id)


class StoredInstitutions(InstitutionRows):
    """Institutions of a region; see `InstitutionRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, institution_ids: Collection[str]) -> dict[str, Institution]:
        """Returns institutions by id."""
        rows = select_rows(
            self._connection,
            tables.institution,
            INSTITUTION_COLUMNS,
            region=self._region,
            key="institution_id",
            among=institution_ids,
        )
        return {row[0]: Institution(*row) for row in rows}

    def listed(self, wish: InstitutionWish, *, after: str | None, limit: int) -> list[Institution]:
        """Returns at most `limit` institutions, by their ids."""
        column = tables.institution.c
        query = sa.select(*(column[name] for name in INSTITUTION_COLUMNS)).where(
            column.region == self._region,
            column.institution_id.startswith(wish.code_prefix, autoescape=True),
            column.institution_name.contains(wish.name_contains, autoescape=True),
        )
        if after is not None:
            query = query.where(column.institution_id > after)
        query = query.order_by(column.institution_id).limit(limit)
        return [Institution(*row) for row in self._connection.execute(query)]

    def put_scopes(self, scopes: Sequence[InstitutionScope]) -> None:
        """Stores scopes; one with the institution and first day of a stored row replaces it."""
        rows = [each._replace(care_types=_encode(each.care_types).decode()) for each in scopes]  # type: ignore[arg-type]
        self._put(institution_scope, ("institution_id", "start_date"), rows)

    def scopes(self, institution_id: str) -> list[InstitutionScope]:
        """Returns what was said of an institution."""
        columns = [institution_scope.c[name] for name in InstitutionScope._fields]
        query = (
            sa.select(*columns)
            .where(
                institution_scope.c.region == self._region,
                institution_scope.c.institution_id == institution_id,
            )
            .order_by(institution_scope.c.start_date)
        )
        return [_scope_from(row) for row in self._connection.execute(query)]

    def put_departments(self, departments: Sequence[Department]) -> None:
        """Stores departments; one stored before is replaced."""
        self._put(department, ("institution_id", "department_code"), departments)

    def departments(
        self, institution_id: str, *, after: str | None, limit: int
    ) -> list[Department]:
        """Returns at most `limit` departments of an institution, by their codes."""
        told = (institution_id, after, limit)
        return self._staff(Department, department, "department_code", *told)

    def department(self, institution_id: str, department_code: str) -> Department | None:
        """Returns a department, or None."""
        columns = [department.c[name] for name in Department._fields]
        query = sa.select(*columns).where(
            department.c.region == self._region,
            department.c.institution_id == institution_id,
            department.c.department_code == department_code,
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Department(*row)

    def put_doctors(self, doctors: Sequence[Doctor]) -> None:
        """Stores doctors; one stored before is replaced."""
        self._put(doctor, ("institution_id", "doctor_code"), doctors)

    def doctors(self, institution_id: str, *, after: str | None, limit: int) -> list[Doctor]:
        """Returns at most `limit` doctors of an institution, by their codes."""
        return self._staff(Doctor, doctor, "doctor_code", institution_id, after, limit)

    def doctor(self, doctor_code: str) -> list[Doctor]:
        """Returns where a doctor works, by institution."""
        columns = [doctor.c[name] for name in Doctor._fields]
        query = (
            sa.select(*columns)
            .where(doctor.c.region == self._region, doctor.c.doctor_code == doctor_code)
            .order_by(doctor.c.institution_id)
        )
        return [Doctor(*row) for row in self._connection.execute(query)]

    def add_points(self, points: DoctorPoints) -> None:
        """Stores points."""
        columns = ("region", *DoctorPoints._fields)
        insert_rows(self._connection, doctor_points, columns, [(self._region, *points)])

    def points(self, doctor_code: str, since: dt.date, until: dt.date) -> list[DoctorPoints]:
        """Returns a doctor's points of some days, oldest first."""
        columns = [doctor_points.c[name] for name in DoctorPoints._fields]
        query = (
            sa.select(*columns)
            .where(
                doctor_points.c.region == self._region,
                doctor_points.c.doctor_code == doctor_code,
                doctor_points.c.points_date.between(since, until),
            )
            .order_by(doctor_points.c.points_date, doctor_points.c.points_id)
        )
        return [DoctorPoints(*row) for row in self._connection.execute(query)]

    def add_suspension(self, suspension: Suspension) -> None:
        """Stores a suspension."""
        table = institution_tables.suspension
        columns = ("region", *Suspension._fields)
        row = (self._region, *suspension._replace(kind=suspension.kind.value))  # type: ignore[arg-type]
        insert_rows(self._connection, table, columns, [row])

    def lift(self, suspension: Suspension) -> None:
        """Stores that a suspension was lifted."""
        lifted = [getattr(suspension, name) for name in _LIFTED]
        update_rows(
            self._connection,
            institution_tables.suspension,
            keys=("region", "suspension_id"),
            values=_LIFTED,
            rows=[(self._region, suspension.suspension_id, *lifted)],
        )

    def suspensions(
        self,
        *,
        suspension_id: str | None = None,
        institution_id: str | None = None,
        doctor_code: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[Suspension]:
        """Returns suspensions, the one recorded first at the head."""
        query, column = _suspensions(self._region), suspension.c
        if suspension_id is not None:
            query = query.where(column.suspension_id == suspension_id)
        if institution_id is not None:
            its_doctors = sa.select(doctor.c.doctor_code).where(
                doctor.c.region == self._region, doctor.c.institution_id == institution_id
            )
            is_its_doctors = sa.and_(
                column.kind == SuspendedKind.DOCTOR.value, column.code.in_(its_doctors)
            )
            query = query.where(sa.or_(column.institution_id == institution_id, is_its_doctors))
        if doctor_code is not None:
            query = query.where(
                column.kind == SuspendedKind.DOCTOR.value, column.code == doctor_code
            )
        if after is not None:
            query = query.where(column.suspension_id > sa.literal(after, column.suspension_id.type))
        if limit is not None:
            query = query.limit(limit)
        return [_suspension_from(row) for row in self._connection.execute(query)]

    def _put(self, table: sa.Table, keys: tuple[str, str], rows: Sequence[NamedTuple]) -> None:
        """Stores rows in the place of those with the same keys."""
        if not rows:
            return
        named: list[sa.BindParameter[Any]] = [sa.bindparam(f"key_{name}") for name in keys]
        conditions = [table.c[name] == each for name, each in zip(keys, named, strict=True)]
        self._connection.execute(
            sa.delete(table).where(table.c.region == self._region, *conditions),
            [{f"key_{name}": getattr(row, name) for name in keys} for row in rows],
        )
        stored: list[Row] = [(self._region, *row) for row in rows]
        insert_rows(self._connection, table, ("region", *rows[0]._fields), stored)

    def _staff(
        self,
        kind: type[StaffT],
        table: sa.Table,
        key: str,
        institution_id: str,
        after: str | None,
        limit: int,
    ) -> list[StaffT]:
        query = (
            sa.select(*(table.c[name] for name in kind._fields))
            .where(table.c.region == self._region, table.c.institution_id == institution_id)
            .order_by(table.c[key])
            .limit(limit)
        )
        if after is not None:
            query = query.where(table.c[key] > after)
        return [kind(*row) for row in self._connection.execute(query)]
