"""What approved versions say of codes, as rows."""

import datetime as dt
from collections.abc import Collection

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.application.catalogue_version.rows import RowPlace
from yibao_settlement.rules.catalogue_version.row import Layer
from yibao_settlement.rules.catalogue_version.timeline import SaidRow
from yibao_settlement.rules.catalogue_version.version import CatalogueVersion
from yibao_settlement.storage import tables
from yibao_settlement.storage.catalogue_version.content import row_from

_VERSION, _ROW = tables.listed.catalogue_version.c, tables.listed.catalogue_row.c
_NAMES = ("code", "subkey", "start_date", "end_date", "row_number", "content")


class SaidRows:
    """Reads rows of approved versions of a region."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def newest_number(self, layer: Layer | None = None) -> int:
        """Returns the number of the newest approved version, of any layer or of one; 0 if none."""
        query = sa.select(sa.func.max(_VERSION.version_number))
        query = query.where(_VERSION.region == self._region)
        if layer is not None:
            query = query.where(_VERSION.layer == int(layer))
        return int(self._connection.execute(query).scalar_one() or 0)

    def first_day(self, layer: Layer) -> dt.date | None:
        """Returns the first day of all that approved versions of a layer decide; None if none."""
        query = sa.select(sa.func.min(_VERSION.start_date)).where(
            _VERSION.region == self._region,
            _VERSION.layer == int(layer),
            _VERSION.version_number > 0,
        )
        found: dt.date | None = self._connection.execute(query).scalar_one()
        return found

    def said(
        self,
        layer: Layer,
        codes: Collection[str],
        *,
        beside: CatalogueVersion | None = None,
        without: str = "",
    ) -> dict[str, dict[str, list[SaidRow]]]:
        """Returns what approved versions say of some codes, by code and subkey."""
        numbers = self._approved(layer)
        numbers.pop(without, None)
        if beside is not None:
            replaces = beside.is_whole or bool(beside.rolled_back_version_id)
            numbers[beside.version_id] = (beside.version_number, beside.start_date, replaces)
        found: dict[str, dict[str, list[SaidRow]]] = {}
        if not numbers:
            return found
        select = Select(
            tables.listed.catalogue_row,
            ("version_id", *_NAMES),
            self._region,
            "code",
            sorted(codes),
            equal=("layer", str(int(layer))),
        )
        (rows,) = execute(self._connection, [select])
        for version_id, *values in rows:
            known = numbers.get(version_id)
            if known is not None:
                row = row_from(*values)
                by_subkey = found.setdefault(row.code, {})
                number, since, replaces_later = known
                said = SaidRow(number, since, row, replaces_later)
                by_subkey.setdefault(row.subkey, []).append(said)
        return found

    def codes_said(self, layer: Layer, *, after: str, limit: int) -> list[str]:
        """Returns at most `limit` codes of a layer behind one, that any version has rows of."""
        query = sa.select(_ROW.code).distinct()
        query = query.where(
            _ROW.region == self._region, _ROW.layer == int(layer), _ROW.code > after
        )
        rows = self._connection.execute(query.order_by(_ROW.code).limit(limit))
        return list(rows.scalars())

    def changes(
        self, layer: Layer, after_number: int, *, after: RowPlace | None, limit: int
    ) -> list[SaidRow]:
        """Returns at most `limit` rows of approved versions after one, in their order."""
        found: list[SaidRow] = []
        least = after_number if after is None else max(after_number, after.version_number - 1)
        numbers = self._approved(layer)
        for version_id, (number, since, replaces) in sorted(
            numbers.items(), key=lambda each: each[1][0]
        ):
            if number <= least or len(found) >= limit:
                continue
            query = sa.select(*(_ROW[name] for name in _NAMES))
            query = query.where(_ROW.region == self._region, _ROW.version_id == version_id)
            places = (_ROW.code, _ROW.subkey, _ROW.start_date)
            if after is not None and number == after.version_number:
                reached = [
                    sa.literal(value, column.type)
                    for value, column in zip(after[1:], places, strict=True)
                ]
                query = query.where(sa.tuple_(*places) > sa.tuple_(*reached))
            ordered = query.order_by(*places).limit(limit - len(found))
            found += [
                SaidRow(number, since, row_from(*row), replaces)
                for row in self._connection.execute(ordered)
            ]
        return found

    def items_of(self, insurance_codes: Collection[str]) -> list[str]:
        """Returns the national codes that any version maps to some insurance codes."""
        select = Select(
            tables.listed.catalogue_row,
            ("code",),
            self._region,
            "insurance_code",
            sorted(insurance_codes),
            filled="insurance_code",
        )
        (rows,) = execute(self._connection, [select])
        return sorted({code for (code,) in rows})

    def _approved(self, layer: Layer) -> dict[str, tuple[int, dt.date, bool]]:
        """Returns approved versions of a layer by their ids, as `SaidRow` tells of them."""
        query = sa.select(
            _VERSION.version_id,
            _VERSION.version_number,
            _VERSION.start_date,
            sa.or_(_VERSION.is_whole, _VERSION.rolled_back_version_id.is_not(None)),
        ).where(
            _VERSION.region == self._region,
            _VERSION.layer == int(layer),
            _VERSION.version_number > 0,
        )
        return {
            version_id: (number, since, bool(replaces_later))
            for version_id, number, since, replaces_later in self._connection.execute(query)
        }
