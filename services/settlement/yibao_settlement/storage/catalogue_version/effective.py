"""What bills are settled by, as versions made it: one row an item, version and span of days."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Row, insert_rows, select_rows
from yibao_settlement.rules.bill import CatalogueItem, LevelPriceCeiling, PersonShare
from yibao_settlement.rules.catalogue_version.effective import EffectiveItem, Told
from yibao_settlement.storage import tables

_COLUMN = tables.listed.catalogue_effective.c
# What settles; `told` is read where it is told alone.
EFFECTIVE_COLUMNS = (
    *("item_code", "version_number", "start_date", "end_date", "item_name", "catalogue_class"),
    *("first_self_pay_ratio_ppm", "price_ceiling", "is_limited_use", "item_group"),
    *("level_price_ceilings", "shares"),
)
_encode = msgspec.json.Encoder().encode
_ceilings = msgspec.json.Decoder(tuple[LevelPriceCeiling, ...]).decode
_shares = msgspec.json.Decoder(tuple[PersonShare, ...]).decode
_told = msgspec.json.Decoder(Told).decode


def effective_from(row: Row) -> CatalogueItem:
    """Returns the item in a row of EFFECTIVE_COLUMNS."""
    values: dict[str, Any] = dict(zip(EFFECTIVE_COLUMNS, row, strict=True))
    ceilings, shares = values["level_price_ceilings"], values["shares"]
    values["item_group"] = values["item_group"] or ""
    values["level_price_ceilings"] = _ceilings(ceilings) if ceilings else ()
    values["shares"] = _shares(shares) if shares else ()
    return CatalogueItem(**values)


def effective_rows(
    connection: sa.Connection, region: str, item_codes: Iterable[str]
) -> list[CatalogueItem]:
    """Returns the rows of some items, of all versions."""
    rows = select_rows(
        connection,
        tables.listed.catalogue_effective,
        EFFECTIVE_COLUMNS,
        region=region,
        key="item_code",
        among=item_codes,
    )
    return [effective_from(row) for row in rows]


class EffectiveRows:
    """Reads and writes what bills are settled by, in a region."""

    _connection: sa.Connection
    _region: str

    def put_effective(self, rows: Sequence[EffectiveItem]) -> None:
        """Stores what bills are settled by."""
        columns = ("region", *EFFECTIVE_COLUMNS, "told")
        stored = [(self._region, *_values(each.item), _told_text(each.told)) for each in rows]
        insert_rows(self._connection, tables.listed.catalogue_effective, columns, stored)

    def told(self, item: CatalogueItem) -> Told:
        """Returns what is told beside a row that a version made."""
        query = sa.select(_COLUMN.told).where(
            _COLUMN.region == self._region,
            _COLUMN.item_code == item.item_code,
            _COLUMN.version_number == item.version_number,
            _COLUMN.start_date == item.start_date,
        )
        text = self._connection.execute(query).scalar_one_or_none()
        return _told(text) if text else Told()

    def kept(self, item_codes: Collection[str]) -> set[str]:
        """Returns those of some items that versions have made rows of."""
        rows = select_rows(
            self._connection,
            tables.listed.catalogue_effective,
            ("item_code",),
            region=self._region,
            key="item_code",
            among=sorted(item_codes),
        )
        return {code for (code,) in rows}

    def without_share(
        self,
        classes: Collection[str],
        *,
        person_type: str,
        start_date: dt.date,
        end_date: dt.date | None,
        version_number: int | None,
        most: int,
    ) -> list[str]:
        """Returns codes of items of some classes without a share of a type of person."""
        has_share = [_COLUMN.shares.like(f'%["{each}",0,%') for each in sorted({person_type, "99"})]
        conditions = [
            _COLUMN.region == self._region,
            _COLUMN.catalogue_class.in_(sorted(classes)),
            _COLUMN.first_self_pay_ratio_ppm.is_(None),
            sa.or_(_COLUMN.shares.is_(None), ~sa.or_(*has_share)),
            sa.or_(_COLUMN.end_date.is_(None), _COLUMN.end_date >= start_date),
        ]
        if end_date is not None:
            conditions.append(_COLUMN.start_date <= end_date)
        if version_number is not None:
            conditions.append(_COLUMN.version_number == version_number)
        else:
            newer = tables.listed.catalogue_effective.alias("newer")
            is_followed = sa.exists().where(
                newer.c.region == _COLUMN.region,
                newer.c.item_code == _COLUMN.item_code,
                newer.c.version_number > _COLUMN.version_number,
                # Before its first day a newer version leaves the older rows as they are.
                sa.or_(
                    newer.c.start_date <= start_date,
                    newer.c.start_date <= _COLUMN.start_date,
                ),
            )
            conditions.append(~is_followed)
        query = sa.select(_COLUMN.item_code).distinct().where(*conditions)
        return list(
            self._connection.execute(query.order_by(_COLUMN.item_code).limit(most)).scalars()
        )


def _values(item: CatalogueItem) -> Row:
    ceilings, shares = item.level_price_ceilings, item.shares
    return (
        *(item.item_code, item.version_number, item.start_date, item.end_date),
        *(item.item_name, item.catalogue_class, item.first_self_pay_ratio_ppm),
        *(item.price_ceiling, item.is_limited_use, item.item_group or None),
        _encode(ceilings).decode() if ceilings else None,
        _encode(shares).decode() if shares else None,
    )


def _told_text(told: Told) -> str | None:
    return _encode(told).decode() if any(told) else None
