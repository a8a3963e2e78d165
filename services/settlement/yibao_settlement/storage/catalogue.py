"""Catalogue items and institutions as rows that imports write."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Row, insert_rows, select_rows
from yibao_settlement.rules.bill import CatalogueItem, LevelPriceCeiling
from yibao_settlement.rules.visit import Institution
from yibao_settlement.storage import tables

ITEM_COLUMNS = (
    "item_code",
    "item_name",
    "catalogue_class",
    "first_self_pay_ratio_ppm",
    "price_ceiling",
    "start_date",
    "end_date",
    "is_limited_use",
    "item_group",
    "level_price_ceilings",
)
INSTITUTION_COLUMNS = (
    "institution_id",
    "institution_name",
    "institution_level",
    "ecert_supported",
    "start_date",
    "end_date",
)

_encode = msgspec.json.Encoder().encode
_ceilings = msgspec.json.Decoder(tuple[LevelPriceCeiling, ...]).decode


def item_from(row: Row) -> CatalogueItem:
    """Returns the item in a row of ITEM_COLUMNS."""
    values: dict[str, Any] = dict(zip(ITEM_COLUMNS, row, strict=True))
    ceilings = values.pop("level_price_ceilings")
    return CatalogueItem(
        **{**values, "item_group": values["item_group"] or ""},
        level_price_ceilings=_ceilings(ceilings) if ceilings else (),
    )


def _item_row(item: CatalogueItem) -> Row:
    """Returns a row of ITEM_COLUMNS."""
    ceilings = item.level_price_ceilings
    return (
        item.item_code,
        item.item_name,
        item.catalogue_class,
        item.first_self_pay_ratio_ppm,
        item.price_ceiling,
        item.start_date,
        item.end_date,
        item.is_limited_use,
        item.item_group or None,
        _encode(ceilings).decode() if ceilings else None,
    )


class StoredCatalogue:
    """See `application.catalogue.CatalogueRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def put_items(self, items: Sequence[CatalogueItem]) -> None:
        """Stores rows; one with the code and first day of a stored row replaces it."""
        if not items:
            return
        table = tables.catalogue_item
        self._connection.execute(
            sa.delete(table).where(
                table.c.region == self._region,
                table.c.item_code == sa.bindparam("key_code"),
                table.c.start_date == sa.bindparam("key_date"),
            ),
            [{"key_code": item.item_code, "key_date": item.start_date} for item in items],
        )
        rows = [(self._region, *_item_row(item)) for item in items]
        insert_rows(self._connection, table, ("region", *ITEM_COLUMNS), rows)

    def without_share(
        self,
        classes: Collection[str],
        *,
        start_date: dt.date,
        end_date: dt.date | None,
        most: int,
    ) -> list[str]:
        """Returns codes of items of some classes that have no share, in force on such days.

        Without those that versions of lists keep, which say it themselves.
        """
        column, made = tables.catalogue_item.c, tables.listed.catalogue_effective.c
        is_kept = sa.exists().where(
            made.region == column.region, made.item_code == column.item_code
        )
        conditions = [
            column.region == self._region,
            column.catalogue_class.in_(sorted(classes)),
            column.first_self_pay_ratio_ppm.is_(None),
            ~is_kept,
            sa.or_(column.end_date.is_(None), column.end_date >= start_date),
        ]
        if end_date is not None:
            conditions.append(column.start_date <= end_date)
        query = sa.select(column.item_code).distinct().where(*conditions)
        ordered = query.order_by(column.item_code).limit(most)
        return list(self._connection.execute(ordered).scalars())

    def limited(self, item_codes: Collection[str]) -> set[str]:
        """Returns those of some items that a stored row gives a ceiling or a share."""
        columns = ("item_code", "first_self_pay_ratio_ppm", "price_ceiling", "level_price_ceilings")
        rows = select_rows(
            self._connection,
            tables.catalogue_item,
            columns,
            region=self._region,
            key="item_code",
            among=sorted(item_codes),
        )
        return {code for code, *amounts in rows if any(each not in (None, "") for each in amounts)}

    def put_institutions(self, institutions: Sequence[Institution]) -> None:
        """Stores institutions; one stored before is replaced."""
        if not institutions:
            return
        table = tables.institution
        self._connection.execute(
            sa.delete(table).where(
                table.c.region == self._region, table.c.institution_id == sa.bindparam("key_id")
            ),
            [{"key_id": institution.institution_id} for institution in institutions],
        )
        rows = [
            (self._region, *(getattr(institution, name) for name in INSTITUTION_COLUMNS))
            for institution in institutions
        ]
        insert_rows(self._connection, table, ("region", *INSTITUTION_COLUMNS), rows)
