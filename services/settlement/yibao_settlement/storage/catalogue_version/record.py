"""Versions of lists as rows: found, filled and closed."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute, insert_rows
from yibao_settlement.application.catalogue_version.look_up import TokenHolder
from yibao_settlement.application.catalogue_version.rows import (
    CatalogueVersionRows,
    Chunk,
    FaultPlace,
    KeyPlace,
    RowFaults,
    ToldFault,
    VersionPlace,
    VersionWish,
)
from yibao_settlement.rules.catalogue_version.row import Layer, ListRow
from yibao_settlement.rules.catalogue_version.version import CatalogueVersion, VersionState
from yibao_settlement.storage import tables
from yibao_settlement.storage.catalogue_version.content import ROW_COLUMNS, row_values
from yibao_settlement.storage.catalogue_version.effective import EffectiveRows
from yibao_settlement.storage.catalogue_version.holder import find_token_holder
from yibao_settlement.storage.catalogue_version.said import SaidRows

_VERSION, _CHUNK = tables.listed.catalogue_version.c, tables.listed.catalogue_chunk.c
_FAULT, _ROW = tables.listed.catalogue_row_fault.c, tables.listed.catalogue_row.c
_NAMES = tuple(CatalogueVersion.__dataclass_fields__)
_CHANGING = (
    *("state", "row_count", "refused_count", "version_number", "base_number", "digest"),
    *("submit_time", "checker", "close_time"),
)
_FAULT_NAMES = ("row_number", "chunk_number", "place", "faults", "faults_total")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[ToldFault]).decode


class StoredCatalogueVersions(SaidRows, EffectiveRows, CatalogueVersionRows):
    """See `CatalogueVersionRows`."""

    def holder_of(self, token_hash: str) -> TokenHolder | None:
        """Returns whom a token stands for, used or not, or None."""
        return find_token_holder(self._connection, self._region, token_hash)

    def find(self, version_id: str, *, for_update: bool = False) -> CatalogueVersion | None:
        """Returns a version, whatever its state, or None."""
        query = self._versions().where(_VERSION.version_id == version_id)
        row = self._connection.execute(query.with_for_update() if for_update else query)
        found = row.one_or_none()
        return None if found is None else _version_from(found)

    def insert(self, version: CatalogueVersion) -> None:
        """Stores a new version."""
        values = [getattr(version, name) for name in _NAMES]
        values[-1] = values[-1] or None
        row: Row = (self._region, *map(_plain, values))
        insert_rows(self._connection, tables.listed.catalogue_version, ("region", *_NAMES), [row])

    def update(self, version: CatalogueVersion) -> None:
        """Stores what changes of a version."""
        self._connection.execute(
            sa.update(tables.listed.catalogue_version)
            .where(_VERSION.region == self._region, _VERSION.version_id == version.version_id)
            .values({name: _plain(getattr(version, name)) for name in _CHANGING})
        )

    def page(
        self, wish: VersionWish, *, after: VersionPlace | None, limit: int
    ) -> list[CatalogueVersion]:
        """Returns at most `limit` versions, the one begun last first."""
        query = self._versions()
        if wish.layer is not None:
            query = query.where(_VERSION.layer == int(wish.layer))
        if wish.state is not None:
            query = query.where(_VERSION.state == int(wish.state))
        if after is not None:
            place = sa.tuple_(_VERSION.begin_time, _VERSION.version_id)
            reached = [
                sa.literal(value, column.type)
                for value, column in zip(
                    after, (_VERSION.begin_time, _VERSION.version_id), strict=True
                )
            ]
            query = query.where(place < sa.tuple_(*reached))
        ordered = query.order_by(_VERSION.begin_time.desc(), _VERSION.version_id.desc())
        return [_version_from(row) for row in self._connection.execute(ordered.limit(limit))]

    def chunk(self, version_id: str, chunk_number: int) -> Chunk | None:
        """Returns a chunk that was taken."""
        query = self._chunks(version_id).where(_CHUNK.chunk_number == chunk_number)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Chunk(*row)

    def chunks(self, version_id: str) -> list[Chunk]:
        """Returns all chunks of a version by their numbers."""
        query = self._chunks(version_id).order_by(_CHUNK.chunk_number)
        return [Chunk(*row) for row in self._connection.execute(query)]

    def put_chunk(
        self,
        version: CatalogueVersion,
        chunk: Chunk,
        rows: Sequence[ListRow],
        faults: Sequence[RowFaults],
    ) -> None:
        """Stores a chunk, its rows, and why others of it are refused."""
        columns = ("region", "version_id", *Chunk._fields)
        own: Row = (self._region, version.version_id, *chunk)
        insert_rows(self._connection, tables.listed.catalogue_chunk, columns, [own])
        self.put_rows(version, rows)
        fault_columns = ("region", "version_id", *_FAULT_NAMES)
        told = [(self._region, version.version_id, *_fault_values(each)) for each in faults]
        insert_rows(self._connection, tables.listed.catalogue_row_fault, fault_columns, told)

    def put_rows(self, version: CatalogueVersion, rows: Sequence[ListRow]) -> None:
        """Stores rows of a version."""
        head = (self._region, version.version_id, int(version.layer))
        columns = ("region", "version_id", "layer", *ROW_COLUMNS)
        stored = [(*head, *row_values(row)) for row in rows]
        insert_rows(self._connection, tables.listed.catalogue_row, columns, stored)

    def stored_keys(
        self, version: CatalogueVersion, codes: Collection[str]
    ) -> Mapping[tuple[str, str, dt.date], int]:
        """Returns the row numbers of a version's rows of some codes, by key and first day."""
        select = Select(
            tables.listed.catalogue_row,
            ("code", "subkey", "start_date", "row_number"),
            self._region,
            "code",
            sorted(codes),
            equal=("version_id", version.version_id),
        )
        (rows,) = execute(self._connection, [select])
        return {(code, subkey, start): number for code, subkey, start, number in rows}

    def faults(self, version_id: str, *, after: FaultPlace | None, limit: int) -> list[RowFaults]:
        """Returns at most `limit` refused rows by their row numbers."""
        places = (_FAULT.row_number, _FAULT.chunk_number, _FAULT.place)
        query = self._faults(version_id)
        if after is not None:
            query = query.where(sa.tuple_(*places) > sa.tuple_(*map(sa.literal, after)))
        rows = self._connection.execute(query.order_by(*places).limit(limit))
        return [_faults_from(row) for row in rows]

    def faults_of(self, version_id: str, chunk_number: int) -> list[RowFaults]:
        """Returns the refused rows of a chunk by their places."""
        query = self._faults(version_id).where(_FAULT.chunk_number == chunk_number)
        return [_faults_from(row) for row in self._connection.execute(query.order_by(_FAULT.place))]

    def take_away(self, version_id: str) -> None:
        """Deletes rows, faults and chunks of a version that is not approved."""
        for table in (
            tables.listed.catalogue_row,
            tables.listed.catalogue_row_fault,
            tables.listed.catalogue_chunk,
        ):
            own = sa.and_(table.c.region == self._region, table.c.version_id == version_id)
            self._connection.execute(sa.delete(table).where(own))

    def end_what_is_not_said(self, version: CatalogueVersion) -> int:
        """Adds a row to a whole layer for each key of approved ones that it does not say."""
        table, other = tables.listed.catalogue_row, tables.listed.catalogue_row.alias("other")
        is_said = sa.exists().where(
            other.c.region == self._region,
            other.c.layer == int(version.layer),
            other.c.code == _ROW.code,
            other.c.subkey == _ROW.subkey,
            other.c.version_id == version.version_id,
        )
        missing = (
            sa.select(
                sa.literal(self._region),
                sa.literal(version.version_id, _ROW.version_id.type),
                sa.literal(int(version.layer)),
                _ROW.code,
                _ROW.subkey,
                sa.literal(version.start_date, _ROW.start_date.type),
                sa.literal(0),
            )
            .distinct()
            .join(
                tables.listed.catalogue_version,
                sa.and_(_VERSION.region == _ROW.region, _VERSION.version_id == _ROW.version_id),
            )
            .where(
                _ROW.region == self._region,
                _ROW.layer == int(version.layer),
                _VERSION.version_number > 0,
                ~is_said,
            )
        )
        names = ("region", "version_id", "layer", "code", "subkey", "start_date", "row_number")
        return self._connection.execute(sa.insert(table).from_select(names, missing)).rowcount

    def keys(self, version_id: str, *, after: KeyPlace | None, limit: int) -> list[KeyPlace]:
        """Returns at most `limit` keys that a version says something of, by code."""
        query = sa.select(_ROW.code, _ROW.subkey).distinct()
        query = query.where(_ROW.region == self._region, _ROW.version_id == version_id)
        if after is not None:
            reached = [
                sa.literal(value, column.type)
                for value, column in zip(after, (_ROW.code, _ROW.subkey), strict=True)
            ]
            query = query.where(sa.tuple_(_ROW.code, _ROW.subkey) > sa.tuple_(*reached))
        rows = self._connection.execute(query.order_by(_ROW.code, _ROW.subkey).limit(limit))
        return [KeyPlace(*row) for row in rows]

    def _versions(self) -> sa.Select[Any]:
        columns = [_VERSION[name] for name in _NAMES]
        return sa.select(*columns).where(_VERSION.region == self._region)

    def _faults(self, version_id: str) -> sa.Select[Any]:
        columns = [_FAULT[name] for name in _FAULT_NAMES]
        own = sa.and_(_FAULT.region == self._region, _FAULT.version_id == version_id)
        return sa.select(*columns).where(own)

    def _chunks(self, version_id: str) -> sa.Select[Any]:
        columns = [_CHUNK[name] for name in Chunk._fields]
        own = sa.and_(_CHUNK.region == self._region, _CHUNK.version_id == version_id)
        return sa.select(*columns).where(own)


def _plain(value: object) -> object:
    return int(value) if isinstance(value, Layer | VersionState) else value


def _version_from(row: sa.Row[Any]) -> CatalogueVersion:
    values = dict(zip(_NAMES, row, strict=True))
    return CatalogueVersion(
        **{
            **values,
            "layer": Layer(values["layer"]),
            "state": VersionState(values["state"]),
            "rolled_back_version_id": values["rolled_back_version_id"] or "",
        }
    )


def _fault_values(faults: RowFaults) -> Row:
    place = (faults.row_number, faults.chunk_number, faults.place)
    return (*place, _encode(faults.faults).decode(), faults.faults_total)


def _faults_from(row: sa.Row[Any]) -> RowFaults:
    number, chunk_number, place, told, total = tuple(row)
    return RowFaults(number, chunk_number, place, _decode(told), total)
