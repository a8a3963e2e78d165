"""Registrations as rows."""

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_offsite.rules.registration import Application, Category, Registration, State
from yibao_offsite.storage import tables

_COLUMN = tables.registration.c
_FACTS = (
    _COLUMN.region,
    _COLUMN.registration_id,
    _COLUMN.person_id,
    _COLUMN.category,
    _COLUMN.treatment_region,
    _COLUMN.state,
    _COLUMN.start_date,
    _COLUMN.end_date,
    _COLUMN.register_time,
    _COLUMN.cancel_time,
)


class StoredRegistrations:
    """See `application.registration.RegistrationRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def lock_person(self, person_id: str) -> None:
        """Locks the person's row, made where it is missing."""
        table = tables.person
        columns, row = ("region", "person_id"), (self._region, person_id)
        insert_rows(self._connection, table, columns, [row], skip_existing=True)
        query = sa.select(table.c.person_id).where(
            table.c.region == self._region, table.c.person_id == person_id
        )
        self._connection.execute(query.with_for_update()).one()

    def of_person(self, person_id: str) -> list[Registration]:
        """Returns every registration of a person."""
        query = sa.select(*_FACTS).where(
            _COLUMN.region == self._region, _COLUMN.person_id == person_id
        )
        return [_registration_from(row) for row in self._connection.execute(query)]

    def find(self, registration_id: str) -> Registration | None:
        """Returns a registration, or None."""
        return self._one(self._named(registration_id))

    def lock(self, registration_id: str) -> Registration | None:
        """Locks a registration and returns it, or None."""
        return self._one(self._named(registration_id).with_for_update())

    def insert(
        self, registration: Registration, application: Application, *, registered_by: str
    ) -> None:
        """Stores a new registration."""
        self._connection.execute(
            sa.insert(tables.registration).values(
                region=registration.region,
                registration_id=registration.registration_id,
                person_id=registration.person_id,
                category=registration.category.value,
                treatment_region=registration.treatment_region,
                state=registration.state.value,
                start_date=registration.start_date,
                end_date=registration.end_date,
                expected_end_date=application.expected_end_date,
                is_urgent=application.is_urgent,
                register_time=registration.register_time,
                registered_by=registered_by,
            )
        )

    def cancel(self, registration: Registration, *, cancelled_by: str) -> None:
        """Stores the state of a cancelled registration."""
        changed = self._connection.execute(
            sa.update(tables.registration)
            .where(
                _COLUMN.region == self._region,
                _COLUMN.registration_id == registration.registration_id,
            )
            .values(
                state=registration.state.value,
                cancel_time=registration.cancel_time,
                cancelled_by=cancelled_by,
            )
        )
        assert changed.rowcount == 1

    def _named(self, registration_id: str) -> sa.Select[tuple[object, ...]]:
        return sa.select(*_FACTS).where(
            _COLUMN.region == self._region, _COLUMN.registration_id == registration_id
        )

    def _one(self, query: sa.Select[tuple[object, ...]]) -> Registration | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _registration_from(row)


def _registration_from(row: sa.Row[*tuple[object, ...]]) -> Registration:
    return Registration(
        row.region,
        row.registration_id,
        row.person_id,
        Category(row.category),
        row.treatment_region,
        State(row.state),
        row.start_date,
        row.end_date,
        row.register_time,
        row.cancel_time,
    )
