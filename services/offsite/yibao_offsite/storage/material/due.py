"""Which papers something is due of, in the background."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_offsite.rules.material.retention import LastUses
from yibao_offsite.rules.material.states import READABLE, State
from yibao_offsite.storage import tables

_TABLES = tables.materials
_MATERIAL, _USE = _TABLES.material.c, _TABLES.use.c
_KEPT = tuple(int(state) for state in READABLE)


class StoredDueMaterials:
    """See `application.material.due.DueRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def to_scan(self, *, after: str | None, limit: int) -> list[str]:
        """Returns papers above `after` that wait for the virus scanner, the oldest first."""
        return self._ids((*self._in_state(State.SCANNING), *_above(after)), limit)

    def count_to_scan(self) -> int:
        """Returns how many papers wait for the virus scanner."""
        query = sa.select(sa.func.count()).where(*self._in_state(State.SCANNING))
        return int(self._connection.execute(query).scalar_one())

    def unfinished(self, *, before: dt.datetime, limit: int) -> list[str]:
        """Returns files that were begun before an instant and not ended."""
        return self._ids((*self._in_state(State.UPLOADING), _MATERIAL.begin_time < before), limit)

    def unused(self, *, before: dt.datetime, limit: int) -> list[str]:
        """Returns finished files that were begun before an instant and used for nothing."""
        conditions = (
            _MATERIAL.region == self._region,
            sa.not_(_MATERIAL.is_used),
            _MATERIAL.remove_time.is_(None),
            _MATERIAL.state.in_(_KEPT),
            _MATERIAL.begin_time < before,
        )
        return self._ids(conditions, limit)

    def ended(self, by: LastUses, *, after: str | None, limit: int) -> list[str]:
        """Returns files kept whose every use has ended by their day, with ids above `after`."""
        day = sa.case(
            *(
                (_MATERIAL.kind.in_(sorted(kinds)), sa.literal(end, sa.Date))
                for end, kinds in _kinds_by_day(by).items()
            ),
            else_=sa.literal(by.otherwise, sa.Date),
        )
        goes_on = sa.exists().where(
            _USE.region == _MATERIAL.region,
            _USE.material_id == _MATERIAL.material_id,
            sa.or_(_USE.end_date.is_(None), _USE.end_date > day),
        )
        has_ended = sa.select(_USE.material_id).where(
            _USE.region == self._region,
            _USE.end_date <= max(by.otherwise, *by.by_kind.values()),
        )
        conditions: tuple[sa.ColumnElement[bool], ...] = (
            _MATERIAL.region == self._region,
            _MATERIAL.material_id.in_(has_ended),
            _MATERIAL.remove_time.is_(None),
            _MATERIAL.state.in_(_KEPT),
            sa.not_(goes_on),
            *_above(after),
        )
        return self._ids(conditions, limit)

    def _in_state(self, state: State) -> tuple[sa.ColumnElement[bool], ...]:
        return (_MATERIAL.region == self._region, _MATERIAL.state == int(state))

    def _ids(self, conditions: tuple[Any, ...], limit: int) -> list[str]:
        query = sa.select(_MATERIAL.material_id).where(*conditions)
        rows = self._connection.execute(query.order_by(_MATERIAL.material_id).limit(limit))
        return list(rows.scalars())


def _above(material_id: str | None) -> tuple[sa.ColumnElement[bool], ...]:
    if material_id is None:
        return ()
    return (_MATERIAL.material_id > sa.literal(material_id, _MATERIAL.material_id.type),)


def _kinds_by_day(by: LastUses) -> dict[dt.date, list[str]]:
    kinds: dict[dt.date, list[str]] = {}
    for kind, day in by.by_kind.items():
        kinds.setdefault(day, []).append(kind)
    return kinds


def material_regions(database: Database) -> Iterator[str]:
    """Yields every region that has papers, by a step through the key each."""
    region = _MATERIAL.region
    found = None
    while True:
        query = sa.select(sa.func.min(region))
        with database.read() as connection:
            query = query if found is None else query.where(region > found)
            found = connection.execute(query).scalar_one()
        if found is None:
            return
        yield found
