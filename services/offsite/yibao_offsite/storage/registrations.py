"""Registrations: made and cancelled once by request id, read by id."""

import sqlalchemy as sa

from yibao_common.db.answers import answer_once
from yibao_common.db.database import Database
from yibao_common.db.rows import insert_rows
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.ports import Encode, Request
from yibao_offsite.rules.registration import (
    Application,
    Category,
    Registration,
    State,
    cancel,
    check_no_overlap,
    register,
    registration_not_found,
)
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


class RegistrationStore:
    """Registrations of a database; see `application.ports.Registrations`."""

    def __init__(self, database: Database, *, clock: Clock, ids: Ids) -> None:
        """Takes the database."""
        self._database = database
        self._clock = clock
        self._ids = ids

    def create(self, request: Request, application: Application, encode: Encode) -> bytes:
        """Registers once by request id and returns the answer's bytes."""
        return answer_once(
            self._database,
            tables.answer,
            region=request.region,
            request_id=request.request_id,
            digest=request.digest,
            work=lambda connection: encode(self._create(connection, request, application)),
        )

    def cancel(self, request: Request, registration_id: str, encode: Encode) -> bytes:
        """Cancels once by request id and returns the answer's bytes."""
        return answer_once(
            self._database,
            tables.answer,
            region=request.region,
            request_id=request.request_id,
            digest=request.digest,
            work=lambda connection: encode(self._cancel(connection, request, registration_id)),
        )

    def find(self, region: str, registration_id: str) -> Registration | None:
        """Returns a registration, or None."""
        with self._database.read() as connection:
            return _find(connection, region, registration_id)

    def _create(
        self, connection: sa.Connection, request: Request, application: Application
    ) -> Registration:
        now, region = self._clock(), request.region
        registration = register(
            application,
            region=region,
            registration_id=self._ids(),
            now=now,
            today=shanghai_day(now),
        )
        _lock_person(connection, region, application.person_id)
        # Read after the lock, so that it holds what the lock's last holder registered.
        check_no_overlap(registration, _of_person(connection, region, application.person_id))
        connection.execute(
            sa.insert(tables.registration).values(
                region=region,
                registration_id=registration.registration_id,
                person_id=registration.person_id,
                category=registration.category.value,
                treatment_region=registration.treatment_region,
                state=registration.state.value,
                start_date=registration.start_date,
                end_date=registration.end_date,
                expected_end_date=application.expected_end_date,
                is_urgent=application.is_urgent,
                register_time=now,
                registered_by=request.caller,
            )
        )
        return registration

    def _cancel(
        self, connection: sa.Connection, request: Request, registration_id: str
    ) -> Registration:
        found = _find(connection, request.region, registration_id, lock=True)
        if found is None:
            raise registration_not_found(registration_id)
        cancelled = cancel(found, now=self._clock())
        connection.execute(
            sa.update(tables.registration)
            .where(_COLUMN.region == request.region, _COLUMN.registration_id == registration_id)
            .values(
                state=cancelled.state.value,
                cancel_time=cancelled.cancel_time,
                cancelled_by=request.caller,
            )
        )
        return cancelled


def _lock_person(connection: sa.Connection, region: str, person_id: str) -> None:
    table = tables.person
    columns, row = ("region", "person_id"), (region, person_id)
    insert_rows(connection, table, columns, [row], skip_existing=True)
    query = sa.select(table.c.person_id).where(
        table.c.region == region, table.c.person_id == person_id
    )
    connection.execute(query.with_for_update()).one()


def _of_person(connection: sa.Connection, region: str, person_id: str) -> list[Registration]:
    query = sa.select(*_FACTS).where(_COLUMN.region == region, _COLUMN.person_id == person_id)
    return [_registration_from(row) for row in connection.execute(query)]


def _find(
    connection: sa.Connection, region: str, registration_id: str, *, lock: bool = False
) -> Registration | None:
    query = sa.select(*_FACTS).where(
        _COLUMN.region == region, _COLUMN.registration_id == registration_id
    )
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
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
