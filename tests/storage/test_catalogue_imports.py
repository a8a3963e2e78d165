"""Items that are imported directly beside versions of lists."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.catalogue_versions import LONG_AGO, Desk, insured
from support.databases import Databases
from support.settlement_parts import transactions_of
from support.settlement_world import REGION, TODAY, World

from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.catalogue import Catalogue, ImportItems, SentRow
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.catalogue_version.row import Layer
from yibao_settlement.storage.reference import ReferenceCache, read_epoch

PLAIN = CatalogueItem("PLAIN", "示例", "01", None, "", LONG_AGO, None)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def bring(
    world: World, regions: Sequence[str], *rows: SentRow[CatalogueItem]
) -> list[Reason | None]:
    """Imports rows where `regions` ask for approvals; returns why each is refused."""
    transactions = transactions_of(world.database)
    catalogue = Catalogue(transactions, clock=world.clock, approval_required_in=regions)
    found: list[Reason | None] = []

    def keep(refusals: Sequence[RuleError | None]) -> bytes:
        found[:] = [None if each is None else each.reason for each in refusals]
        return b""

    catalogue.import_items(ImportItems(world.request("Import"), rows), keep)
    return found


def ceiling_of(world: World, code: str, day: dt.date) -> str | None:
    with world.database.read() as connection:
        epoch = read_epoch(connection, REGION)
        found = ReferenceCache().view(connection, REGION, [code], epoch=epoch).item(code, day)
    return None if found is None else found.ceiling_at("5")


def test_text_that_no_database_takes_is_a_fault_of_its_row(world: World) -> None:
    desk = Desk(world.database, REGION, world.clock)
    desk.put(Layer.INSURANCE, LONG_AGO, insured("KEPT", "01"))
    malformed = FieldFault("item_code", Reason.FIELD_MALFORMED, "is no code")
    row = SentRow(replace(PLAIN, item_code="A\0"), [malformed], 1)
    assert bring(world, [REGION], row) == [Reason.FIELD_MALFORMED]


def test_ceilings_and_shares_end_by_versions_alone_where_the_region_asks(world: World) -> None:
    # T-07: a row without them, of the same day or a later one, would take them away.
    capped = replace(PLAIN, item_code="CAPPED", price_ceiling="9.00")
    shared = replace(
        PLAIN, item_code="SHARED", catalogue_class="02", first_self_pay_ratio_ppm=100_000
    )
    assert bring(world, (), *map(SentRow, (PLAIN, capped, shared))) == [None] * 3
    rows = [
        SentRow(replace(each, price_ceiling="", first_self_pay_ratio_ppm=None, start_date=start))
        for each in (PLAIN, capped, shared)
        for start in (LONG_AGO, TODAY)
    ]
    needed = Reason.CATALOGUE_APPROVAL_REQUIRED
    assert bring(world, [REGION], *rows) == [*[None] * 2, *[needed] * 4]
    assert ceiling_of(world, "CAPPED", TODAY) == "9.00"
    assert bring(world, (), *rows) == [None] * 6
    assert ceiling_of(world, "CAPPED", TODAY) == ""
