"""Imports of reference data: institutions and catalogue items, all or none."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from yibao_common.db.answers import answer_once
from yibao_common.db.database import Database
from yibao_common.db.rows import insert_rows
from yibao_common.values.clock import Clock
from yibao_settlement.application.ports import RequestKey
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.visit import Institution
from yibao_settlement.storage import tables
from yibao_settlement.storage.reference import raise_epoch


class ReferenceStore:
    """Imports reference data, each request once."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        """Takes the database."""
        self._database = database
        self._clock = clock

    def items(self, key: RequestKey, items: Sequence[CatalogueItem], response: bytes) -> bytes:
        """Stores catalogue rows and returns the answer: `response`, or the first one's."""

        def work(connection: sa.Connection) -> bytes:
            import_items(connection, key.region, items)
            return response

        return self._once(key, work)

    def institutions(
        self, key: RequestKey, institutions: Sequence[Institution], response: bytes
    ) -> bytes:
        """Stores institutions and returns the answer: `response`, or the first one's."""

        def work(connection: sa.Connection) -> bytes:
            import_institutions(connection, key.region, institutions)
            return response

        return self._once(key, work)

    def _once(self, key: RequestKey, work: Callable[[sa.Connection], bytes]) -> bytes:
        return answer_once(
            self._database,
            tables.answer,
            region=key.region,
            request_id=key.request_id,
            digest=key.digest,
            method=key.method,
            clock=self._clock,
            work=work,
        )


def import_items(connection: sa.Connection, region: str, items: Sequence[CatalogueItem]) -> None:
    """Stores catalogue rows; one with the code and first day of a stored row replaces it."""
    table = tables.catalogue_item
    delete = sa.delete(table).where(
        table.c.region == region,
        table.c.item_code == sa.bindparam("key_code"),
        table.c.start_date == sa.bindparam("key_date"),
    )
    connection.execute(
        delete, [{"key_code": item.item_code, "key_date": item.start_date} for item in items]
    )
    insert_rows(
        connection,
        table,
        (
            "region",
            "item_code",
            "start_date",
            "end_date",
            "item_name",
            "catalogue_class",
            "prepay_ratio_ppm",
            "price_ceiling",
        ),
        [
            (
                region,
                item.item_code,
                item.start_date,
                item.end_date,
                item.item_name,
                item.catalogue_class,
                item.prepay_ratio_ppm,
                item.price_ceiling,
            )
            for item in items
        ],
    )
    raise_epoch(connection, region)


def import_institutions(
    connection: sa.Connection, region: str, institutions: Sequence[Institution]
) -> None:
    """Stores institutions; one stored before is replaced."""
    table = tables.institution
    delete = sa.delete(table).where(
        table.c.region == region, table.c.institution_id == sa.bindparam("key_id")
    )
    connection.execute(
        delete, [{"key_id": institution.institution_id} for institution in institutions]
    )
    insert_rows(
        connection,
        table,
        (
            "region",
            "institution_id",
            "institution_name",
            "institution_level",
            "ecert_supported",
            "start_date",
            "end_date",
        ),
        [
            (
                region,
                institution.institution_id,
                institution.institution_name,
                institution.institution_level,
                institution.ecert_supported,
                institution.start_date,
                institution.end_date,
            )
            for institution in institutions
        ],
    )
    raise_epoch(connection, region)
