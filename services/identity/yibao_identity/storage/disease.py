"""Registered diseases as rows: what stands, and what is history."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows, select_rows, update_rows
from yibao_identity.rules.disease import Disease
from yibao_identity.storage import tables

_COLUMNS = (
    *("disease_code", "start_date", "end_date", "disease_registration_id"),
    *("record_time", "recorded_by", "replace_time"),
)

_disease = tables.disease.c


class StoredDiseases:
    """See `application.disease.DiseaseRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def standing(self, person_ids: Collection[str]) -> Mapping[str, list[Disease]]:
        """Returns what stands of each of `person_ids` (none twice), in any order."""
        found: dict[str, list[Disease]] = {person_id: [] for person_id in person_ids}
        rows = select_rows(
            self._connection,
            tables.disease,
            ("person_id", *_COLUMNS),
            region=self._region,
            key="person_id",
            among=person_ids,
            null="replace_time",
        )
        for person_id, *values in rows:
            found[person_id].append(Disease(*values))
        return found

    def history(self, person_id: str) -> list[Disease]:
        """Returns every registration that was ever recorded, in the order of recording."""
        query = (
            sa.select(*(_disease[name] for name in _COLUMNS))
            .where(_disease.region == self._region, _disease.person_id == person_id)
            .order_by(_disease.record_time, _disease.start_date, _disease.disease_registration_id)
        )
        return [Disease(*row) for row in self._connection.execute(query)]

    def insert(self, person_id: str, disease: Disease) -> None:
        """Stores a new registration, which has its id, time and recorder."""
        assert disease.disease_registration_id
        assert disease.record_time is not None
        columns = ("region", "person_id", *_COLUMNS)
        row = (self._region, person_id, *(getattr(disease, name) for name in _COLUMNS))
        insert_rows(self._connection, tables.disease, columns, [row])

    def replace(self, disease_registration_ids: Sequence[str], *, at: dt.datetime) -> None:
        """Notes that registrations no longer stand; they stay as history."""
        update_rows(
            self._connection,
            tables.disease,
            keys=("region", "disease_registration_id"),
            values=("replace_time",),
            rows=[(self._region, each, at) for each in disease_registration_ids],
        )
