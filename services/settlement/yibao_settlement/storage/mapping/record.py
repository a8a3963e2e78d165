"""Mappings of own codes as stored: found by institution and code, inserted, changed once."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute, insert_rows, select_rows, update_rows
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.mapping.rows import MappingRows, MappingWish
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.mapping import (
    Act,
    CodeMapping,
    MappingRow,
    Mappings,
    MappingState,
    MappingTexts,
)
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Wanted
from yibao_settlement.storage.catalogue import ITEM_COLUMNS, item_from
from yibao_settlement.storage.catalogue_version.effective import effective_rows

_STORED_ONCE = (
    *("mapping_id", "institution_id", "provider_item_code", "provider_item_name", "list_type"),
    *("item_code", "start_date", "end_date", "is_remapping", "texts"),
    *("upload_time", "uploaded_by"),
)
_CHANGED = (
    *("state", "decide_time", "decided_by", "decision_reason"),
    *("cancel_time", "cancelled_by", "cancel_reason", "cancel_last_date"),
)
_COLUMNS = (*_STORED_ONCE, *_CHANGED)
_NO_TEXTS = MappingTexts()
_encode = msgspec.json.Encoder().encode
_texts = msgspec.json.Decoder(MappingTexts).decode


def find_mappings(
    connection: sa.Connection, region: str, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Sequence[CodeMapping]]:
    """Returns the mappings of own codes, by institution and code, oldest first."""
    codes: dict[str, set[str]] = {}
    for institution_id, code in keys:
        codes.setdefault(institution_id, set()).add(code)
    found: dict[tuple[str, str], list[CodeMapping]] = {}
    selects = [
        Select(
            tables.code_mapping,
            _COLUMNS,
            region,
            "provider_item_code",
            tuple(sorted(of_institution)),
            order_by=("mapping_id",),
            equal=("institution_id", institution_id),
        )
        for institution_id, of_institution in sorted(codes.items())
    ]
    for rows in execute(connection, selects) if selects else ():
        for row in rows:
            mapping = mapping_from(row)
            key = mapping.institution_id, mapping.row.provider_item_code
            found.setdefault(key, []).append(mapping)
    return dict(found)


def read_mappings(connection: sa.Connection, working_set: WorkingSet, wanted: Wanted) -> None:
    """Reads what the own codes of lines are mapped to, whose institutions are known by now.

    Also those of uploaded lines that were mapped to nothing when they came. What is uploaded after
    the moment that is decided at, while this is read, counts from the next one on.
    """
    codes = set(wanted.needs.own_codes)
    for visit_id, charges in working_set.charges.items():
        codes.update(
            (visit_id, charge.line.own_code)
            for charge in charges.values()
            if not charge.line.item_code
        )
    # An institution's mappings are its own region's, whoever is treated there.
    keys: dict[str, list[tuple[str, str]]] = {}
    for visit_id, code in codes:
        visit = working_set.visits.get(visit_id)
        if visit is not None:
            place = visit.elsewhere.place_region if visit.elsewhere else wanted.region
            keys.setdefault(place, []).append((visit.institution_id, code))
    working_set.mappings = {
        key: [each for each in mappings if each.uploaded.time <= working_set.now]
        for place, of_place in keys.items()
        for key, mappings in find_mappings(connection, place, of_place).items()
    }


def items_of(mappings: Mappings) -> set[str]:
    """Returns the codes of all items that own codes are mapped to."""
    return {each.row.item_code for some in mappings.values() for each in some}


def mapping_from(row: Row) -> CodeMapping:
    """Returns the mapping in a row of `_COLUMNS`."""
    values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    texts = values["texts"]
    return CodeMapping(
        values["mapping_id"],
        values["institution_id"],
        MappingRow._make([*row[2:9], _texts(texts) if texts else _NO_TEXTS]),
        MappingState(values["state"]),
        Act(values["upload_time"], values["uploaded_by"]),
        _act(values["decide_time"], values["decided_by"], values["decision_reason"]),
        _act(values["cancel_time"], values["cancelled_by"], values["cancel_reason"]),
        values["cancel_last_date"],
    )


def _act(time: dt.datetime | None, by: str | None, reason: str | None) -> Act | None:
    return None if time is None else Act(time, by or "", reason or "")


def _stored_once(mapping: CodeMapping) -> Row:
    row = mapping.row
    texts = _encode(row.texts).decode() if any(row.texts) else None
    return (
        *(mapping.mapping_id, mapping.institution_id, *row[:7], texts),
        *(mapping.uploaded.time, mapping.uploaded.by),
    )


def _changed(mapping: CodeMapping) -> Row:
    decided, cancelled = mapping.decided, mapping.cancelled
    return (
        mapping.state.value,
        *((None, None, None) if decided is None else decided),
        *((None, None, None) if cancelled is None else cancelled),
        mapping.cancel_last_date,
    )


class StoredMappings(MappingRows):
    """Mappings of a region; see `MappingRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def lock(self, institution_id: str) -> None:
        """Locks an institution's list until the transaction ends; raises its version."""
        table = tables.mapping_book
        columns, row = ("region", "institution_id", "version"), (self._region, institution_id, 0)
        insert_rows(self._connection, table, columns, [row], skip_existing=True)
        self._connection.execute(
            sa.update(table)
            .where(table.c.region == self._region, table.c.institution_id == institution_id)
            .values(version=table.c.version + 1)
        )

    def of_codes(
        self, institution_id: str, codes: Collection[str]
    ) -> Mapping[tuple[str, str], Sequence[CodeMapping]]:
        """Returns all mappings of own codes."""
        keys = [(institution_id, code) for code in codes]
        return find_mappings(self._connection, self._region, keys)

    def find(self, mapping_ids: Collection[str]) -> dict[str, CodeMapping]:
        """Returns mappings by id; those that are not there are left out."""
        rows = select_rows(
            self._connection,
            tables.code_mapping,
            _COLUMNS,
            region=self._region,
            key="mapping_id",
            among=mapping_ids,
        )
        return {mapping.mapping_id: mapping for mapping in map(mapping_from, rows)}

    def insert(self, mappings: Sequence[CodeMapping]) -> None:
        """Stores new mappings."""
        rows = [(self._region, *_stored_once(each), *_changed(each)) for each in mappings]
        if rows:
            insert_rows(self._connection, tables.code_mapping, ("region", *_COLUMNS), rows)

    def update(self, mappings: Sequence[CodeMapping]) -> None:
        """Stores what became of mappings."""
        rows = [(self._region, each.mapping_id, *_changed(each)) for each in mappings]
        if rows:
            update_rows(
                self._connection,
                tables.code_mapping,
                keys=("region", "mapping_id"),
                values=_CHANGED,
                rows=rows,
            )

    def items(self, item_codes: Collection[str]) -> dict[str, Sequence[CatalogueItem]]:
        """Returns the catalogue's rows of some items, those of versions of lists too."""
        rows = select_rows(
            self._connection,
            tables.catalogue_item,
            ITEM_COLUMNS,
            region=self._region,
            key="item_code",
            among=item_codes,
        )
        found: dict[str, list[CatalogueItem]] = {}
        made = effective_rows(self._connection, self._region, item_codes)
        for item in (*map(item_from, rows), *made):
            found.setdefault(item.item_code, []).append(item)
        return dict(found)

    def listed(self, wish: MappingWish, *, after: str | None, limit: int) -> list[CodeMapping]:
        """Returns at most `limit` mappings, the one uploaded first at the head."""
        column = tables.code_mapping.c
        query = (
            sa.select(*(column[name] for name in _COLUMNS))
            .where(column.region == self._region)
            .order_by(column.mapping_id)
            .limit(limit)
        )
        for name in ("institution_id", "provider_item_code", "item_code", "list_type", "state"):
            wanted = getattr(wish, name)
            if wanted is not None:
                query = query.where(column[name] == wanted)
        if wish.day is not None:
            query = query.where(*_taken_on(wish.day))
        if after is not None:
            query = query.where(column.mapping_id > sa.literal(after, column.mapping_id.type))
        return [mapping_from(tuple(row)) for row in self._connection.execute(query)]


def _taken_on(day: dt.date) -> tuple[sa.ColumnElement[bool], ...]:
    """Returns the conditions of what lines charged on a day take: of what holds, the last begun."""
    column, later = tables.code_mapping.c, tables.code_mapping.alias("later")
    begins_later = sa.tuple_(later.c.start_date, later.c.mapping_id) > sa.tuple_(
        column.start_date, column.mapping_id
    )
    replaced = sa.exists().where(
        later.c.region == column.region,
        later.c.institution_id == column.institution_id,
        later.c.provider_item_code == column.provider_item_code,
        begins_later,
        *_holds_on(later, day),
    )
    return *_holds_on(tables.code_mapping, day), ~replaced


def _holds_on(mapping: sa.FromClause, day: dt.date) -> tuple[sa.ColumnElement[bool], ...]:
    column = mapping.c
    last = sa.func.coalesce(column.cancel_last_date, column.end_date)
    return (
        column.start_date <= day,
        sa.or_(last.is_(None), last >= day),
        sa.or_(
            column.state == MappingState.IN_FORCE.value,
            sa.and_(
                column.state == MappingState.CANCELLED.value,
                column.cancel_last_date.is_not(None),
            ),
        ),
    )
