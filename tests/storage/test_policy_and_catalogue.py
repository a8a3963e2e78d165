"""Policies and imports in settlement's database: as rows, under locks, on record."""

import datetime as dt
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.memory.settlement.work import REGION, request
from support.policies import classify, policy_data
from support.settlement_parts import transactions_of

from yibao_common.db.audit_chain import check_chain
from yibao_common.db.database import Database
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.catalogue import (
    Catalogue,
    ImportInstitutions,
    ImportItems,
    SentRow,
)
from yibao_settlement.application.policy import ApprovePolicy, Policies, SubmitPolicy
from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.bill import CatalogueItem, LevelPriceCeiling
from yibao_settlement.rules.policy import version as rules
from yibao_settlement.rules.policy.version import PolicyState, PolicyVersion
from yibao_settlement.rules.visit import Institution
from yibao_settlement.storage import tables
from yibao_settlement.storage.reference import ReferenceCache, read_epoch
from yibao_settlement.storage.work import UNIT

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
SINCE, LATER = dt.date(2024, 1, 1), dt.date(2025, 1, 1)
AGENCY = parse_caller(f"agency/{REGION}/maker")


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_settlement")


def encode(policy: PolicyVersion) -> bytes:
    return policy.policy_version.encode()


def policies(database: Database) -> Policies:
    return Policies(transactions_of(database), clock=lambda: NOW)


def submit(database: Database, title: str, *, start: str = "2024-01-01", end: str = "") -> str:
    days = {"start_date": start, **({"end_date": end} if end else {})}
    data = policy_data(classify(), **{"region": REGION, "title": title, **days})
    contents = json.dumps(data, ensure_ascii=False).encode()
    policy = load_policy(contents, name="policy_file")
    asked = request("SubmitPolicy", new_id())
    return policies(database).submit(SubmitPolicy(asked, policy, contents), encode).decode()


def approve(database: Database, version: str) -> Reason | None:
    """Approves a draft and returns why it was refused."""
    asked = request("ApprovePolicy", new_id(), operator="checker")
    try:
        policies(database).approve(ApprovePolicy(asked, version), lambda each: encode(each.policy))
    except RuleError as refusal:
        return refusal.reason
    return None


def records(database: Database) -> list[tuple[str, str, str]]:
    """Returns method, caller and detail of every row of the region's chain, which holds."""
    event = tables.audit.event.c
    query = sa.select(event.method, event.caller, event.detail).order_by(event.sequence)
    with database.read() as connection:
        assert check_chain(connection, tables.audit, REGION) is None
        return [tuple(row) for row in connection.execute(query)]


def epoch(database: Database) -> int:
    with database.read() as connection:
        return read_epoch(connection, REGION)


def test_a_policy_is_read_as_it_was_stored(database: Database) -> None:
    version = submit(database, "one", end="2024-12-31")
    draft = policies(database).find(REGION, version, AGENCY)
    assert (draft.state, draft.start_date, draft.end_date) == (
        PolicyState.DRAFT,
        SINCE,
        dt.date(2024, 12, 31),
    )
    assert (draft.submit_time, draft.checker, draft.approve_time) == (NOW, "", None)
    assert load_policy(draft.policy_file, name="stored").version == version
    assert approve(database, version) is None
    active = policies(database).find(REGION, version, AGENCY)
    checker = f"agency/{REGION}/checker"
    assert (active.state, active.checker, active.approve_time) == (PolicyState.ACTIVE, checker, NOW)
    assert approve(database, version) is Reason.POLICY_STATE


def test_of_drafts_for_the_same_days_approved_at_once_one_comes_in_force(
    database: Database,
) -> None:
    transactions_of(database).change(REGION, lambda work: work.reference.raise_epoch())
    versions = [submit(database, f"draft {number}") for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(lambda each: approve(database, each), versions))
    assert sorted(outcomes, key=str) == [None, *[Reason.POLICY_OVERLAP] * 5]
    # A refused approval leaves neither an epoch nor a record.
    stored, refused = epoch(database), versions[outcomes.index(Reason.POLICY_OVERLAP)]
    assert approve(database, refused) is Reason.POLICY_OVERLAP
    assert epoch(database) == stored
    assert [method for method, _, _ in records(database)].count("ApprovePolicy") == 1


def test_an_approval_waits_for_another_one_and_sees_what_it_did(database: Database) -> None:
    # Something was imported before: the very first rows of a region collide by themselves.
    transactions_of(database).change(REGION, lambda work: work.reference.raise_epoch())
    first, second = submit(database, "first"), submit(database, "second")
    with ThreadPoolExecutor(1) as threads:
        with database.write() as connection:
            work = UNIT.open(connection, REGION)
            work.reference.raise_epoch()
            draft = work.policies.find(first)
            assert draft is not None
            work.policies.update(rules.approve(draft, [], checker="other", now=NOW).approved)
            waiting = threads.submit(approve, database, second)
            time.sleep(0.3)
            assert not waiting.done()
        assert waiting.result() is Reason.POLICY_OVERLAP


def test_bills_are_decided_by_the_successor_from_its_first_day(database: Database) -> None:
    former, latter = submit(database, "former"), submit(database, "latter", start="2025-01-01")
    assert (approve(database, former), approve(database, latter)) == (None, None)
    with database.read() as connection:
        view = ReferenceCache().view(connection, REGION, [], epoch=read_epoch(connection, REGION))
    decided = [view.policy("310", LATER - dt.timedelta(days=days)) for days in (0, 1)]
    assert [policy and policy.version for policy in decided] == [latter, former]
    assert records(database)[-1][2] == (
        f"ended={former} maker=agency/{REGION}/maker policy_id=small policy_version={latter}"
    )


def test_imported_rows_replace_those_of_their_key_and_are_put_on_record(
    database: Database,
) -> None:
    catalogue = Catalogue(transactions_of(database), clock=lambda: NOW)

    def import_items(*items: CatalogueItem) -> str:
        asked = request("ImportCatalogueItems", new_id())
        answer = catalogue.import_items(
            ImportItems(asked, [SentRow(each) for each in items]),
            lambda each: b"%d" % each.count(None),
        )
        assert answer == b"%d" % len(items)
        return f"digest={asked.digest.hex()} rows={len(items)}"

    first = CatalogueItem("A1", "甲类药", "01", None, "", SINCE, None)
    other = CatalogueItem("B1", "乙类药", "02", 300_000, "100.00", SINCE, None)
    again = CatalogueItem("A1", "甲类药", "01", None, "12.50", SINCE, dt.date(2024, 12, 31))
    later = CatalogueItem(
        *("A1", "甲类药", "02", None, "", LATER, None),
        item_group="implant",
        level_price_ceilings=(
            LevelPriceCeiling(("1", "2"), "200"),
            LevelPriceCeiling(("5",), "180.00"),
        ),
    )
    details = [import_items(first, other), import_items(again, later)]
    hospital = Institution("H99901900001", "示例医院", "2", True, SINCE, None)
    asked = request("ImportInstitutions", new_id())
    catalogue.import_institutions(ImportInstitutions(asked, [SentRow(hospital)]), lambda each: b"")
    with database.read() as connection:
        newest = read_epoch(connection, REGION)
        view = ReferenceCache().view(connection, REGION, ["A1", "B1"], epoch=newest)
    days = (LATER - dt.timedelta(days=1), LATER)
    assert [view.item("A1", day) for day in days] == [again, later]
    assert view.items(["B1", "none"], LATER) == {"B1": other, "none": None}
    assert view.institution(hospital.institution_id) == hospital
    caller = f"agency/{REGION}/maker"
    assert records(database) == [
        ("ImportCatalogueItems", caller, details[0]),
        ("ImportCatalogueItems", caller, details[1]),
        ("ImportInstitutions", caller, f"digest={asked.digest.hex()} rows=1"),
    ]


def test_what_is_imported_after_a_restore_is_not_taken_for_what_was_kept_of_before(
    database: Database,
) -> None:
    # PostgreSQL was restored from a backup under a process that runs, and as much changed again.
    catalogue, process = Catalogue(transactions_of(database), clock=lambda: NOW), ReferenceCache()

    def import_share(self_pay_ppm: int) -> int | None:
        item = CatalogueItem("B1", "乙类药", "02", self_pay_ppm, "", SINCE, None)
        asked = request("ImportCatalogueItems", new_id())
        catalogue.import_items(ImportItems(asked, [SentRow(item)]), lambda each: b"")
        with database.read() as connection:
            newest = read_epoch(connection, REGION)
            found = process.view(connection, REGION, ["B1"], epoch=newest).item("B1", LATER)
        return None if found is None else found.first_self_pay_ratio_ppm

    assert import_share(100_000) == 100_000
    backup = epoch(database)
    assert import_share(300_000) == 300_000
    with database.write() as connection:
        connection.execute(sa.update(tables.reference_epoch).values(epoch=backup))
    assert import_share(200_000) == 200_000
