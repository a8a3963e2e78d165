"""Versions that are taken back, whole lists that begin late, and items without a share."""

import datetime as dt

import pytest
from support.catalogue_versions import LONG_AGO, Desk, ceiling, insured, list_row, refusal, share
from support.databases import Databases
from support.settlement_world import POLICY_FILE, REGION, TODAY, World

from yibao_common.db.rows import insert_rows
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import item_on
from yibao_settlement.rules.catalogue_version.row import Layer
from yibao_settlement.storage import tables
from yibao_settlement.storage.catalogue import StoredCatalogue
from yibao_settlement.storage.catalogue_version.record import StoredCatalogueVersions
from yibao_settlement.storage.mapping.record import StoredMappings
from yibao_settlement.storage.reference import ReferenceCache, read_epoch

DAY = dt.timedelta(days=1)
TOMORROW, NEXT_YEAR = TODAY + DAY, dt.date(2027, 1, 1)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"), policy_file=POLICY_FILE.read_bytes())


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world.database, REGION, world.clock)


def prices(world: World, code: str, *days: dt.date) -> list[str | None]:
    """Returns the ceilings of a third-level hospital; None where there is no such item."""
    with world.database.read() as connection:
        epoch = read_epoch(connection, REGION)
        reference = ReferenceCache().view(connection, REGION, [code], epoch=epoch)
    found = [reference.item(code, day) for day in days]
    return [None if each is None else each.ceiling_at("2") for each in found]


def test_what_is_taken_back_and_brought_again_holds_as_each_says(world: World, desk: Desk) -> None:
    desk.put(Layer.INSURANCE, LONG_AGO, insured("X1", "01"), insured("X2", "01"))
    desk.put(Layer.CEILING, LONG_AGO, ceiling("X1", "3", "10"))
    second = desk.put(
        Layer.CEILING, TODAY, ceiling("X1", "3", "20"), ceiling("X2", "3", "22"), is_whole=True
    )
    desk.put(Layer.CEILING, NEXT_YEAR, ceiling("X1", "3", "30"))
    days = (TODAY, TOMORROW, NEXT_YEAR)
    assert prices(world, "X1", *days) == ["20", "20", "30"]
    back = desk.roll_back(second, TOMORROW)
    assert desk.told is not None
    assert (desk.told.row_count, desk.told.rolled_back_version_id) == (3, second)
    assert refusal(desk.approve, back, operator="maker") is Reason.SAME_MAKER_AND_CHECKER
    desk.approve(back)
    # Of next year what was approved since stays.
    assert prices(world, "X1", *days) == ["20", "10", "30"]
    assert prices(world, "X2", *days) == ["22", "", ""]
    # A roll-back is taken back as any version is; to do it twice changes nothing.
    desk.approve(desk.roll_back(back, TOMORROW))
    assert prices(world, "X1", *days) == ["20", "20", "30"]
    assert prices(world, "X2", *days) == ["22", "22", "22"]
    again = desk.roll_back(back, TOMORROW)
    assert desk.differences(again) == []
    assert desk.approve(again)[1] == 0


def test_what_a_version_planned_goes_with_it(world: World, desk: Desk) -> None:
    desk.put(Layer.INSURANCE, LONG_AGO, insured("X1", "01"))
    desk.put(Layer.CEILING, LONG_AGO, ceiling("X1", "3", "10"))
    planned = desk.put(Layer.CEILING, TODAY, ceiling("X1", "3", "40", start=NEXT_YEAR))
    assert prices(world, "X1", TODAY, NEXT_YEAR) == ["10", "40"]
    desk.approve(desk.roll_back(planned, TODAY))
    assert prices(world, "X1", TODAY, NEXT_YEAR) == ["10", "10"]


def test_of_two_roll_backs_the_second_is_overtaken(desk: Desk) -> None:
    version = desk.put(Layer.CEILING, LONG_AGO, ceiling("X1", "3", "10"))
    first, second = desk.roll_back(version, TODAY), desk.roll_back(version, TODAY)
    desk.approve(first)
    assert refusal(desk.approve, second) is Reason.CATALOGUE_VERSION_OVERTAKEN
    draft = desk.begin(Layer.CEILING, TODAY)
    assert refusal(desk.roll_back, draft, TODAY) is Reason.CATALOGUE_VERSION_STATE
    assert refusal(desk.roll_back, new_id(), TODAY) is Reason.CATALOGUE_VERSION_UNKNOWN


def test_a_whole_list_ends_a_key_that_it_says_from_a_later_day_on(world: World, desk: Desk) -> None:
    desk.put(Layer.INSURANCE, LONG_AGO, insured("X1", "01"))
    desk.put(Layer.CEILING, LONG_AGO, ceiling("X1", "3", "10"))
    late = ceiling("X1", "3", "20", start=NEXT_YEAR)
    version = desk.bring(Layer.CEILING, TOMORROW, late, is_whole=True)
    (told,) = desk.differences(version)
    assert (told.day, told.after) == (TOMORROW, None)
    desk.approve(version)
    days = (TODAY, TOMORROW, NEXT_YEAR - DAY, NEXT_YEAR)
    assert prices(world, "X1", *days) == ["10", "", "", "20"]


def test_a_first_list_that_is_taken_back_leaves_none(world: World, desk: Desk) -> None:
    # A1 was imported directly before: no list says it any more, and it does not come back.
    first = desk.put(Layer.INSURANCE, TODAY, insured("A1", "01"))
    desk.approve(desk.roll_back(first, TOMORROW))
    assert prices(world, "A1", TODAY - DAY, TODAY, TOMORROW) == ["", "", None]


def test_a_list_that_begins_earlier_than_the_first_has_all_items_made(
    world: World, desk: Desk
) -> None:
    medical = list_row(Layer.MEDICAL, "M1", name="示例药", list_type="101")
    desk.put(Layer.MEDICAL, LONG_AGO, medical)
    desk.put(Layer.CEILING, LONG_AGO, ceiling("X1", "3", "10"))
    desk.put(Layer.INSURANCE, TOMORROW, insured("X1", "01"))
    assert prices(world, "M1", TODAY, TOMORROW) == [None, ""]
    assert prices(world, "X1", TODAY, TOMORROW) == [None, "10"]
    desk.put(Layer.INSURANCE, TODAY, insured("X1", "01"))
    assert prices(world, "M1", TODAY, TOMORROW) == ["", ""]
    assert prices(world, "X1", TODAY, TOMORROW) == ["10", "10"]


def test_items_without_a_share_are_told_of_directly_imported_ones_and_of_versions(
    world: World, desk: Desk
) -> None:
    names = ("region", "item_code", "item_name", "catalogue_class", "price_ceiling", "start_date")
    columns = (*names, "is_limited_use")
    with world.database.write() as connection:
        rows = [(REGION, code, "示例", "02", "", LONG_AGO, False) for code in ("AKEPT", "AKEPT2")]
        insert_rows(connection, tables.catalogue_item, columns, rows)
    desk.put(Layer.INSURANCE, LONG_AGO, insured("NOW"), insured("AKEPT"), insured("AKEPT2", "01"))
    desk.put(Layer.SHARE, NEXT_YEAR, share("NOW", 1), share("AKEPT", 1))
    with world.database.read() as connection:
        direct = StoredCatalogue(connection, REGION).without_share(
            ["02"], start_date=TODAY, end_date=None, most=1
        )
        listed = StoredCatalogueVersions(connection, REGION)
        found = [
            listed.without_share(
                ["02"],
                person_type="390",
                start_date=start,
                end_date=None,
                version_number=None,
                most=9,
            )
            for start in (TODAY, NEXT_YEAR - DAY, NEXT_YEAR)
        ]
    assert direct == ["B1"], "those that versions keep take nobody's place"
    # Until the share begins both lack one.
    assert found == [["AKEPT", "NOW"], ["AKEPT", "NOW"], []]


def test_own_codes_are_mapped_to_what_versions_say(world: World, desk: Desk) -> None:
    # A1 was imported directly, and the whole list ends it; X1 no import ever had.
    desk.put(Layer.INSURANCE, LONG_AGO, insured("A1", "01"), insured("X1", "01"))
    desk.put(Layer.INSURANCE, TODAY, insured("X1", "01"), is_whole=True)
    with world.database.read() as connection:
        found = StoredMappings(connection, REGION).items(["A1", "X1", "NONE"])
    on = {
        code: [bool(item_on(rows, day)) for day in (TODAY - DAY, TODAY)]
        for code, rows in found.items()
    }
    assert on == {"A1": [True, False], "X1": [True, True]}
