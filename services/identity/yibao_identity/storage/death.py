"""Deaths as rows: every report that was ever made, and the day that stands with the person."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from yibao_identity.rules.death import Death
from yibao_identity.storage import tables

_death, _person = tables.death.c, tables.person.c


class StoredDeaths:
    """See `application.death.DeathRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def standing(self, person_id: str) -> Death | None:
        """Returns the report that stands of a person, or None."""
        query = sa.select(tables.death).where(
            _death.region == self._region,
            _death.person_id == person_id,
            _death.revoke_time.is_(None),
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Death(**row._mapping)

    def insert(self, death: Death) -> None:
        """Stores a report, and the day with the person."""
        values = dataclasses.asdict(death)
        self._connection.execute(sa.insert(tables.death).values(**values))
        self._write_person(death.person_id, {"death_date": death.death_date})

    def revoke(self, death: Death) -> None:
        """Stores that a report was wrong, and takes the day from the person."""
        changed = self._connection.execute(
            sa.update(tables.death)
            .where(_death.region == self._region, _death.death_id == death.death_id)
            .values(
                revoked_by=death.revoked_by,
                revoke_time=death.revoke_time,
                revocation=death.revocation,
            )
        )
        assert changed.rowcount == 1
        self._write_person(death.person_id, {"death_date": None})

    def _write_person(self, person_id: str, values: Mapping[str, Any]) -> None:
        changed = self._connection.execute(
            sa.update(tables.person)
            .where(_person.region == self._region, _person.person_id == person_id)
            .values(**values)
        )
        assert changed.rowcount == 1
