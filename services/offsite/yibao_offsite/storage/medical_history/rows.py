"""Medical-history files as rows: what they tell is sealed."""

import datetime as dt
from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa

from yibao_common.keys.vault import Vault
from yibao_offsite.rules.medical_history import Contents, History, Purpose, Reading
from yibao_offsite.storage import tables

_VERSION, _READING = tables.histories
_encode = msgspec.json.Encoder().encode
_contents = msgspec.json.Decoder(Contents).decode


class StoredMedicalHistories:
    """See `application.medical_history.MedicalHistoryRows`."""

    def __init__(self, connection: sa.Connection, region: str, vault: Vault | None) -> None:
        """Takes the transaction's connection; without a vault, nothing may be asked for."""
        self._connection = connection
        self._region = region
        self._vault = vault

    def newest_of(self, person_ids: Collection[str]) -> list[History]:
        """Returns the newest version of each file, by rising person ids."""
        other = _VERSION.alias()
        is_newer = sa.select(other.c.version).where(
            other.c.region == _VERSION.c.region,
            other.c.person_id == _VERSION.c.person_id,
            other.c.version > _VERSION.c.version,
        )
        query = (
            sa.select(_VERSION)
            .where(
                _VERSION.c.region == self._region,
                _VERSION.c.person_id.in_(person_ids),
                ~is_newer.exists(),
            )
            .order_by(_VERSION.c.person_id)
        )
        return [self._history_from(row) for row in self._connection.execute(query)]

    def newest_version(self, person_id: str) -> int:
        """Returns the number of the newest version of a file, 0 where there is none."""
        query = sa.select(sa.func.max(_VERSION.c.version)).where(
            _VERSION.c.region == self._region, _VERSION.c.person_id == person_id
        )
        return self._connection.execute(query).scalar_one() or 0

    def find(self, person_id: str, version: int) -> History | None:
        """Returns a version of a file, or None."""
        query = sa.select(_VERSION).where(*self._is(person_id, version))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else self._history_from(row)

    def insert(self, history: History) -> None:
        """Stores a new version."""
        place = self._place(history.person_id, history.version)
        self._connection.execute(
            sa.insert(_VERSION).values(
                region=self._region,
                person_id=history.person_id,
                version=history.version,
                sealed_contents=self._keys.seal(_encode(history.contents), place=place),
                recorded_by=history.recorded_by,
                record_time=history.record_time,
            )
        )

    def verify(self, history: History) -> None:
        """Stores who compared a version with its sources, which nobody did before."""
        changed = self._connection.execute(
            sa.update(_VERSION)
            .where(*self._is(history.person_id, history.version), _VERSION.c.verified_by.is_(None))
            .values(verified_by=history.verified_by, verify_time=history.verify_time)
        )
        assert changed.rowcount == 1

    def add_reading(self, reading: Reading) -> None:
        """Stores a reading."""
        note = self._keys.seal(reading.note.encode(), place=self._note_place(reading.reading_id))
        self._connection.execute(
            sa.insert(_READING).values(
                region=self._region,
                person_id=reading.person_id,
                reading_id=reading.reading_id,
                version=reading.version,
                mark=reading.mark,
                purpose=reading.purpose.value,
                sealed_note=note,
                read_by=reading.read_by,
                read_time=reading.read_time,
            )
        )

    def readings(self, person_ids: Collection[str], *, after_id: str, limit: int) -> list[Reading]:
        """Returns readings of files by their ids."""
        query = sa.select(_READING).where(
            _READING.c.region == self._region, _READING.c.person_id.in_(person_ids)
        )
        if after_id:
            query = query.where(_READING.c.reading_id > after_id)
        rows = self._connection.execute(query.order_by(_READING.c.reading_id).limit(limit))
        return [self._reading_from(row) for row in rows]

    def has_read(
        self, person_ids: Collection[str], *, mark: str, read_by: str, since: dt.datetime
    ) -> bool:
        """Tells whether somebody read files since an instant, in the versions of a mark."""
        query = (
            sa.select(_READING.c.reading_id)
            .where(
                _READING.c.region == self._region,
                _READING.c.person_id.in_(person_ids),
                _READING.c.mark == mark,
                _READING.c.read_by == read_by,
                _READING.c.read_time >= since,
            )
            .limit(1)
        )
        return self._connection.execute(query).first() is not None

    @property
    def _keys(self) -> Vault:
        assert self._vault is not None, "who has no keys asks for nothing sealed"
        return self._vault

    def _is(self, person_id: str, version: int) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            _VERSION.c.region == self._region,
            _VERSION.c.person_id == person_id,
            _VERSION.c.version == version,
        )

    def _history_from(self, row: sa.Row[Any]) -> History:
        place = self._place(row.person_id, row.version)
        return History(
            row.person_id,
            row.version,
            _contents(self._keys.open(bytes(row.sealed_contents), place=place)),
            row.recorded_by,
            row.record_time,
            row.verified_by,
            row.verify_time,
        )

    def _reading_from(self, row: sa.Row[Any]) -> Reading:
        place = self._note_place(row.reading_id)
        return Reading(
            row.reading_id,
            row.person_id,
            row.version,
            row.mark,
            Purpose(row.purpose),
            self._keys.open(bytes(row.sealed_note), place=place).decode(),
            row.read_by,
            row.read_time,
        )

    def _place(self, person_id: str, version: int) -> str:
        return f"{self._region}/medical_history/{person_id}/{version}/contents"

    def _note_place(self, reading_id: str) -> str:
        return f"{self._region}/history_reading/{reading_id}/note"
