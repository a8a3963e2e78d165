"""Registrations as rows."""

import datetime as dt
from collections import namedtuple
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, execute, insert_rows
from yibao_offsite.application.registration.rows import (
    RegistrationPlace,
    RegistrationWish,
    Standing,
    TaskPlace,
)
from yibao_offsite.rules.registration.kinds import (
    Basis,
    Benefit,
    Category,
    Channel,
    EndReason,
    Origin,
    TaskKind,
    Terms,
)
from yibao_offsite.rules.registration.registration import (
    Application,
    Material,
    Referral,
    Registration,
    Step,
    Task,
)
from yibao_offsite.rules.registration.states import Event, State
from yibao_offsite.storage import tables

_TABLE = tables.registration
_COLUMN = _TABLE.c
_STEP = tables.registration_step.c
_NAMES = tuple(column.name for column in _TABLE.columns)
_Stored = namedtuple("_Stored", _NAMES)  # type: ignore[misc]  # columns are listed once
_STEP_NAMES = tuple(column.name for column in tables.registration_step.columns)
_encode = msgspec.json.Encoder().encode
_materials = msgspec.json.Decoder(tuple[Material, ...]).decode
_benefits = msgspec.json.Decoder(tuple[Benefit, ...]).decode
# What is due longer than any region may ask for (`files/region_rules.py`) is over.
_LONGEST_NOTICE = dt.timedelta(days=366)
# What becomes of a registration; the rest is as it was applied for.
_CHANGING = (
    *("state", "end_date", "materials", "handed_in_by", "decided_by", "version"),
    *("cancel_time", "cancelled_by", "ended_date", "end_reason"),
    *("replaced_by_registration_id", "task_kind", "task_due_date"),
)
_COVERING = tuple(each.value for each in State if each.was_granted and each is not State.REVOKED)


class StoredRegistrations:
    """See `application.registration.rows.RegistrationRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def of_person(self, person_id: str) -> list[Registration]:
        """Returns every registration of a person."""
        return self._all(self._where(_COLUMN.person_id == person_id))

    def of_persons(self, person_ids: Collection[str]) -> list[Registration]:
        """Returns the open registrations of persons, in the order of their ids."""
        (rows,) = execute(self._connection, [self._of(_TABLE, _NAMES, person_ids)])
        return [each for each in _registrations_from(rows) if each.state.is_open]

    def standing(self, person_ids: Collection[str]) -> Standing:
        """Returns what else decides about persons who apply."""
        columns = ("person_id", "until_date")
        found, limited = execute(
            self._connection,
            [
                self._of(_TABLE, _NAMES, person_ids),
                self._of(tables.self_service_limit, columns, person_ids),
            ],
        )
        limits: dict[str, dt.date] = {}
        for person_id, until_date in limited:
            limits[person_id] = max(until_date, limits.get(person_id, until_date))
        registrations = _registrations_from(found)
        return Standing([each for each in registrations if each.state.takes_its_place], limits)

    def of_visit(self, visit_id: str) -> Registration | None:
        """Returns the deemed registration of a visit, or None."""
        return self._one(self._where(_COLUMN.visit_id == visit_id))

    def find(self, registration_id: str) -> Registration | None:
        """Returns a registration, or None."""
        return self._one(self._where(_COLUMN.registration_id == registration_id))

    def lock(self, registration_id: str) -> Registration | None:
        """Locks a registration and returns it, or None."""
        query = self._where(_COLUMN.registration_id == registration_id)
        return self._one(query.with_for_update())

    def insert(self, registrations: Sequence[tuple[Registration, Step]]) -> None:
        """Stores new registrations, each with the step that made it."""
        rows = [tuple(map(_values(each).__getitem__, _NAMES)) for each, _ in registrations]
        steps = [self._step_row(each, step) for each, step in registrations]
        execute(
            self._connection,
            [Insert(_TABLE, _NAMES, rows), Insert(tables.registration_step, _STEP_NAMES, steps)],
        )

    def update(self, registration: Registration, step: Step) -> None:
        """Stores a registration that was locked and has changed, with the step that did it."""
        values = _values(registration)
        changed = self._connection.execute(
            sa.update(_TABLE)
            .where(
                _COLUMN.region == self._region,
                _COLUMN.registration_id == registration.registration_id,
                _COLUMN.version == registration.version - 1,
            )
            .values({name: values[name] for name in _CHANGING})
        )
        assert changed.rowcount == 1, registration.registration_id
        row = self._step_row(registration, step)
        insert_rows(self._connection, tables.registration_step, _STEP_NAMES, [row])

    def steps(self, registration_id: str) -> list[Step]:
        """Returns what was done to a registration, in order."""
        query = (
            sa.select(
                _STEP.version, _STEP.event, _STEP.state, _STEP.event_time, _STEP.actor, _STEP.remark
            )
            .where(_STEP.region == self._region, _STEP.registration_id == registration_id)
            .order_by(_STEP.version)
        )
        return [
            Step(version, Event(event), State(state), *rest)
            for version, event, state, *rest in self._connection.execute(query)
        ]

    def page(
        self, wish: RegistrationWish, *, before: RegistrationPlace | None, limit: int
    ) -> list[Registration]:
        """Returns at most `limit` registrations from before a place; see `RegistrationRows`."""
        conditions = list(_conditions(wish))
        # In the order of ids a day of long ago would lie behind all that was registered since.
        names = ("registration_id",) if wish.day is None else ("start_date", "registration_id")
        order = [_COLUMN[name] for name in names]
        if before is not None:
            reached = [sa.literal(getattr(before, each.name), each.type) for each in order]
            conditions.append(sa.tuple_(*order) < sa.tuple_(*reached))
        query = self._where(*conditions).order_by(*(each.desc() for each in order))
        return self._all(query.limit(limit))

    def tasks(
        self,
        due_date: dt.date,
        kinds: Collection[TaskKind],
        *,
        today: dt.date,
        after: TaskPlace | None,
        limit: int,
    ) -> list[Registration]:
        """Returns at most `limit` registrations with a task due by a day, the earliest first."""
        place = (_COLUMN.task_due_date, _COLUMN.registration_id)
        conditions = [_COLUMN.task_due_date <= due_date]
        if after is not None:
            reached = [
                sa.literal(value, column.type) for value, column in zip(after, place, strict=True)
            ]
            conditions.append(sa.tuple_(*place) > sa.tuple_(*reached))
        found: list[Registration] = []
        # A kind a statement: each is read by its index from the place on, and no further.
        for kind in kinds:
            of_kind = [_COLUMN.task_kind == kind.value, *conditions]
            if kind is TaskKind.EXPIRY:
                of_kind += [
                    _COLUMN.end_date >= today,
                    _COLUMN.task_due_date >= today - _LONGEST_NOTICE,
                ]
            found += self._all(self._where(*of_kind).order_by(*place).limit(limit))
        return sorted(found, key=_task_place)[:limit]

    def limit_self_service(
        self, person_id: str, registration_id: str, *, until_date: dt.date
    ) -> None:
        """Stores that a registration revoked limits a person's self-service to a last day."""
        row = (self._region, person_id, registration_id, until_date)
        columns = ("region", "person_id", "registration_id", "until_date")
        insert_rows(self._connection, tables.self_service_limit, columns, [row])

    def pass_on_limits(self, person_id: str, survivor_id: str) -> None:
        """Limits a survivor's self-service as that of a person is; twice as once."""
        column = tables.self_service_limit.c
        query = sa.select(column.registration_id, column.until_date).where(
            column.region == self._region, column.person_id == person_id
        )
        rows = [(self._region, survivor_id, *row) for row in self._connection.execute(query)]
        columns = ("region", "person_id", "registration_id", "until_date")
        if rows:
            table = tables.self_service_limit
            insert_rows(self._connection, table, columns, rows, skip_existing=True)

    def _of(self, table: sa.Table, columns: tuple[str, ...], person_ids: Collection[str]) -> Select:
        return Select(table, columns, self._region, "person_id", sorted(person_ids))

    def _step_row(self, registration: Registration, step: Step) -> Row:
        return (
            *(self._region, registration.registration_id),
            *(step.version, step.event.value, step.state.value),
            *(step.event_time, step.actor, step.remark),
        )

    def _where(self, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
        return sa.select(_TABLE).where(_COLUMN.region == self._region, *conditions)

    def _one(self, query: sa.Select[Any]) -> Registration | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _registration_from(row)

    def _all(self, query: sa.Select[Any]) -> list[Registration]:
        return [_registration_from(row) for row in self._connection.execute(query)]


def _registrations_from(rows: Sequence[Row]) -> list[Registration]:
    """Returns registrations whose rows have all columns, by rising ids."""
    found = [_registration_from(_Stored._make(row)) for row in rows]
    return sorted(found, key=lambda each: each.registration_id)


def _task_place(registration: Registration) -> TaskPlace:
    assert registration.task is not None, registration.registration_id
    return TaskPlace(registration.task.due_date, registration.registration_id)


def _conditions(wish: RegistrationWish) -> Sequence[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wish.person_id is not None:
        conditions.append(_COLUMN.person_id == wish.person_id)
    if wish.treatment_region is not None:
        conditions.append(_COLUMN.treatment_region == wish.treatment_region)
    if wish.state is not None:
        conditions.append(_COLUMN.state == wish.state.value)
    if wish.category is not None:
        conditions.append(_COLUMN.category == wish.category.value)
    if wish.party is not None:
        conditions.append(_COLUMN.registered_party == wish.party)
    if wish.day is not None:
        last = sa.func.coalesce(_COLUMN.ended_date, _COLUMN.end_date)
        conditions += [
            _COLUMN.state.in_(_COVERING),
            _COLUMN.start_date <= wish.day,
            sa.or_(last.is_(None), last >= wish.day),
        ]
    return conditions


def _party(path: str) -> str:
    """Returns whose certificate a path is of: an institution, an agency, a channel."""
    kind, _, rest = path.partition("/")
    kind = "institution" if kind == "terminal" else kind
    return f"{kind}/{rest.partition('/')[0]}"


def _values(registration: Registration) -> dict[str, object]:
    application, task = registration.application, registration.task
    referral = application.referral
    end_reason = registration.end_reason
    return {
        "region": registration.region,
        "registration_id": registration.registration_id,
        "person_id": application.person_id,
        "category": application.category.value,
        "treatment_region": application.treatment_region,
        "state": registration.state.value,
        "start_date": application.start_date,
        "end_date": registration.end_date,
        "expected_end_date": application.expected_end_date,
        "is_urgent": application.is_urgent,
        "register_time": registration.register_time,
        "registered_by": registration.registered_by,
        "cancel_time": registration.cancel_time,
        "cancelled_by": registration.cancelled_by or None,
        "basis": application.basis.value,
        "application_channel": application.channel.value,
        "materials": _encode(application.materials).decode(),
        "referral_institution_id": None if referral is None else referral.institution_id,
        "referral_diagnosis_code": None if referral is None else referral.diagnosis_code,
        "referral_date": None if referral is None else referral.referral_date,
        "admission_date": application.admission_date,
        "origin": registration.origin.value,
        "registered_party": _party(registration.registered_by),
        "handed_in_by": registration.handed_in_by,
        "decided_by": registration.decided_by or None,
        "terms": registration.terms.value,
        "benefits": _encode(registration.benefits).decode(),
        "change_allowed_date": registration.change_allowed_date,
        "rules_version": registration.rules_version,
        "version": registration.version,
        "ended_date": registration.ended_date,
        "end_reason": None if end_reason is None else end_reason.value,
        "replaces_registration_id": registration.replaces_registration_id,
        "replaced_by_registration_id": registration.replaced_by_registration_id,
        "task_kind": None if task is None else task.kind.value,
        "task_due_date": None if task is None else task.due_date,
        "visit_id": registration.visit_id,
    }


def _registration_from(row: Any) -> Registration:
    referral = None
    if row.referral_institution_id is not None:
        referral = Referral(
            row.referral_institution_id, row.referral_diagnosis_code, row.referral_date
        )
    application = Application(
        row.person_id,
        Category(row.category),
        row.treatment_region,
        row.start_date,
        row.expected_end_date,
        row.is_urgent,
        Basis(row.basis),
        Channel(row.application_channel),
        _materials(row.materials),
        referral,
        row.admission_date,
    )
    task = None if row.task_kind is None else Task(TaskKind(row.task_kind), row.task_due_date)
    return Registration(
        region=row.region,
        registration_id=row.registration_id,
        application=application,
        state=State(row.state),
        end_date=row.end_date,
        register_time=row.register_time,
        registered_by=row.registered_by,
        handed_in_by=row.handed_in_by,
        origin=Origin(row.origin),
        terms=Terms(row.terms),
        benefits=_benefits(row.benefits),
        change_allowed_date=row.change_allowed_date,
        rules_version=row.rules_version,
        version=row.version,
        decided_by=row.decided_by or "",
        cancel_time=row.cancel_time,
        cancelled_by=row.cancelled_by or "",
        ended_date=row.ended_date,
        end_reason=None if row.end_reason is None else EndReason(row.end_reason),
        replaces_registration_id=row.replaces_registration_id,
        replaced_by_registration_id=row.replaced_by_registration_id,
        task=task,
        visit_id=row.visit_id,
    )
