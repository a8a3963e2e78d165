"""Admission declarations as rows."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_offsite.application.admission_declaration import DeclarationWish, DeclaredPlace
from yibao_offsite.rules.admission_declaration import AdmissionDeclaration, AdmissionReason
from yibao_offsite.storage import tables

_table = tables.admission_declaration
_NAMES = (
    *(
        "region",
        "admission_declaration_id",
        "visit_id",
        "person_id",
        "institution_id",
        "admission_date",
    ),
    *("department_name", "bed", "diagnosis_code", "reason", "registration_id", "declared_by"),
    *("declare_time", "discharge_date", "update_time", "version"),
)
_CHANGING = ("department_name", "bed", "discharge_date", "update_time", "version")


class StoredDeclarations:
    """See `application.admission_declaration.DeclarationRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, admission_declaration_id: str) -> AdmissionDeclaration | None:
        """Returns a declaration, or None."""
        return self._one(self._named(admission_declaration_id=admission_declaration_id))

    def lock(self, admission_declaration_id: str) -> AdmissionDeclaration | None:
        """Locks a declaration and returns it, or None."""
        return self._one(
            self._named(admission_declaration_id=admission_declaration_id).with_for_update()
        )

    def of_visit(self, visit_id: str) -> AdmissionDeclaration | None:
        """Returns the declaration of a stay, or None."""
        return self._one(self._named(visit_id=visit_id))

    def whose_visits(self, visit_ids: Collection[str]) -> dict[str, set[str]]:
        """Returns as whose visits are declared or have a deemed registration."""
        if not visit_ids:
            return {}
        queries = (
            sa.select(each.c.visit_id, each.c.person_id).where(
                each.c.region == self._region, each.c.visit_id.in_(visit_ids)
            )
            for each in (_table, tables.registration)
        )
        whose: dict[str, set[str]] = {}
        for visit_id, person_id in self._connection.execute(sa.union(*queries)):
            whose.setdefault(visit_id, set()).add(person_id)
        return whose

    def insert(self, declaration: AdmissionDeclaration) -> None:
        """Stores a new declaration."""
        row = tuple(_stored(declaration, name) for name in _NAMES)
        insert_rows(self._connection, _table, _NAMES, [row])

    def update(self, declaration: AdmissionDeclaration) -> None:
        """Stores what became of a declaration."""
        changed = self._connection.execute(
            sa.update(_table)
            .where(
                _table.c.region == self._region,
                _table.c.admission_declaration_id == declaration.admission_declaration_id,
            )
            .values({name: getattr(declaration, name) for name in _CHANGING})
        )
        assert changed.rowcount == 1

    def page(
        self, wish: DeclarationWish, *, after: DeclaredPlace | None, limit: int
    ) -> Sequence[AdmissionDeclaration]:
        """Returns at most `limit` declarations."""
        query = self._named()
        if wish.institution_id is not None:
            query = query.where(_table.c.institution_id == wish.institution_id)
        if wish.person_ids:
            query = query.where(_table.c.person_id.in_(wish.person_ids))
        if wish.only_open:
            query = query.where(_table.c.discharge_date.is_(None))
        place = (_table.c.declare_time, _table.c.admission_declaration_id)
        if after is not None:
            reached = [
                sa.literal(value, column.type) for value, column in zip(after, place, strict=True)
            ]
            query = query.where(sa.tuple_(*place) > sa.tuple_(*reached))
        rows = self._connection.execute(query.order_by(*place).limit(limit))
        return [_declaration_from(row) for row in rows]

    def _named(self, **values: str) -> sa.Select[Any]:
        conditions = [_table.c[name] == value for name, value in values.items()]
        return sa.select(_table).where(_table.c.region == self._region, *conditions)

    def _one(self, query: sa.Select[Any]) -> AdmissionDeclaration | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _declaration_from(row)


def _stored(declaration: AdmissionDeclaration, name: str) -> Any:
    value = getattr(declaration, name)
    return value or None if name == "registration_id" else value


def _declaration_from(row: sa.Row[Any]) -> AdmissionDeclaration:
    told = {name: getattr(row, name) for name in _NAMES}
    told["reason"] = AdmissionReason(row.reason)
    told["registration_id"] = row.registration_id or ""
    return AdmissionDeclaration(**told)
