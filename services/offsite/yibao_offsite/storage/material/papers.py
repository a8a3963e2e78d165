"""Papers as other features find and use them; needs no keys."""

import datetime as dt
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_offsite.rules.material.material import Owner, Paper
from yibao_offsite.rules.material.states import COUNTS, State
from yibao_offsite.storage import tables

_TABLES = tables.materials
_MATERIAL, _USE = _TABLES.material.c, _TABLES.use.c


class StoredPapers:
    """See `application.material.papers.PaperRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, material_ids: Collection[str]) -> list[Paper]:
        """Returns the papers of these ids that there are, by rising ids."""
        return self._of(self._named(material_ids))

    def lock(self, material_ids: Collection[str]) -> list[Paper]:
        """Locks them as well."""
        return self._of(self._named(material_ids).with_for_update())

    def of_owner(self, owner: Owner, owner_id: str) -> list[Paper]:
        """Returns the papers that were handed in for something, by rising ids."""
        is_of = sa.and_(_USE.region == _MATERIAL.region, _USE.material_id == _MATERIAL.material_id)
        return self._of(
            _papers()
            .join(_TABLES.use, is_of)
            .where(_USE.region == self._region, _USE.owner == int(owner), _USE.owner_id == owner_id)
        )

    def bind(self, material_ids: Collection[str], owner: Owner, owner_id: str) -> None:
        """Notes that papers are used for something."""
        if not material_ids:
            return
        rows = [(self._region, int(owner), owner_id, each) for each in sorted(set(material_ids))]
        columns = ("region", "owner", "owner_id", "material_id")
        insert_rows(self._connection, _TABLES.use, columns, rows, skip_existing=True)
        self._connection.execute(
            sa.update(_TABLES.material)
            .where(
                _MATERIAL.region == self._region, _MATERIAL.material_id.in_(sorted(material_ids))
            )
            .values(is_used=True)
        )

    def end(self, owner: Owner, *owner_ids: str, on: dt.date | None) -> None:
        """Notes the last day of what papers were used for, with None that it goes on."""
        uses = (
            _USE.region == self._region,
            _USE.owner == int(owner),
            _USE.owner_id.in_(sorted(owner_ids)),
        )
        # Who has another paper take the place of one of them first is waited for, and that
        # one's use ended as well.
        used = sa.select(_USE.material_id).where(*uses)
        self._connection.execute(
            sa.select(_MATERIAL.material_id)
            .where(_MATERIAL.region == self._region, _MATERIAL.material_id.in_(used))
            .order_by(_MATERIAL.material_id)
            .with_for_update()
        )
        self._connection.execute(sa.update(_TABLES.use).where(*uses).values(end_date=on))

    def _named(self, material_ids: Collection[str]) -> sa.Select[Any]:
        return _papers().where(
            _MATERIAL.region == self._region, _MATERIAL.material_id.in_(sorted(material_ids))
        )

    def _of(self, query: sa.Select[Any]) -> list[Paper]:
        rows = self._connection.execute(query.order_by(_MATERIAL.material_id))
        return [Paper(row[0], row[1], row[2], State(row[3]), row[4]) for row in rows]


def _papers() -> sa.Select[Any]:
    is_in_place = sa.and_(
        _MATERIAL.replaces_id.is_not(None), _MATERIAL.state.in_([int(each) for each in COUNTS])
    )
    put_in_place_by = sa.case((is_in_place, _MATERIAL.changed_by), else_="")
    return sa.select(
        _MATERIAL.material_id,
        _MATERIAL.kind,
        _MATERIAL.person_id,
        _MATERIAL.state,
        put_in_place_by,
    )
