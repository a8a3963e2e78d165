"""`yibao doctor` warns where two regions of a province have other lists in force."""

import datetime as dt

from support.databases import Databases

from yibao_cli.doctor.lists import examine_lists
from yibao_common.db.database import Database
from yibao_common.db.rows import insert_rows
from yibao_common.values.ids import new_id
from yibao_settlement.rules.catalogue_version.row import Layer
from yibao_settlement.rules.catalogue_version.version import VersionState
from yibao_settlement.storage.catalogue_version.tables import catalogue_version

TODAY = dt.date(2026, 11, 20)
DAY = dt.timedelta(days=1)


def put(
    database: Database,
    region: str,
    digest: str,
    *,
    number: int = 1,
    layer: Layer = Layer.MEDICAL,
    state: VersionState = VersionState.APPROVED,
    start: dt.date = TODAY,
) -> None:
    values = {
        "region": region,
        "version_id": new_id(),
        "layer": int(layer),
        "state": state.value,
        "title": "目录",
        "start_date": start,
        "is_whole": True,
        "issuing_authority": 2,
        "authority_document": "",
        "row_count": 1,
        "refused_count": 0,
        "version_number": number,
        "base_number": 0,
        "digest": digest,
        "maker": "agency/maker",
        "begin_time": dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
        "checker": "agency/checker",
    }
    with database.write() as connection:
        insert_rows(connection, catalogue_version, tuple(values), [tuple(values.values())])


def warned(database: Database, *regions: str) -> list[bool]:
    found = list(examine_lists(database, regions, today=TODAY))
    assert not any(each.problem for each in found)
    return ["WARNING" in each.remark for each in found]


def test_regions_of_a_province_are_compared_by_what_is_in_force_today(
    databases: Databases,
) -> None:
    database = databases.open("yibao_settlement")
    assert warned(database, "330100", "320100") == []
    assert warned(database, "330100", "330200") == [False]
    put(database, "330100", "a")
    assert warned(database, "330100", "330200") == [True]
    put(database, "330200", "a")
    assert warned(database, "330100", "330200") == [False]
    # Drafts and versions of tomorrow are not in force; another province is its own.
    put(database, "330200", "b", number=2, start=TODAY + DAY)
    put(database, "330200", "c", number=0, state=VersionState.SUBMITTED)
    put(database, "320100", "d")
    assert warned(database, "330100", "330200", "320100") == [False]
    put(database, "330200", "e", number=3)
    assert warned(database, "330100", "330200") == [True]
    # Ceilings may be a region's own.
    put(database, "330100", "e", number=4)
    put(database, "330100", "f", number=5, layer=Layer.CEILING)
    assert warned(database, "330100", "330200") == [False]
