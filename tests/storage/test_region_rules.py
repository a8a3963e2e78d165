"""Rules of regions on both databases: two operators, days, and what was known when."""

import datetime as dt
import threading

import pytest
from support.databases import Databases
from support.registration_store import PACKAGE, SECOND, Store
from support.registrations import (
    CLERK,
    DAY,
    NATIONAL,
    REGION,
    SAMPLE,
    SAMPLE_FILE,
    TODAY,
    application,
)

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.region_rules import StoredRules
from yibao_offsite.storage import tables


@pytest.fixture
def store(databases: Databases) -> Store:
    return Store(databases.open(PACKAGE))


def test_rules_hold_from_their_day_on_once_a_second_operator_approved_them(
    store: Store,
) -> None:
    contents = SAMPLE_FILE.read_bytes()
    draft = store.submit(contents, TODAY + DAY)
    assert (draft.maker, draft.approve_time) == (CLERK.path, None)
    assert store.submit(contents, TODAY + DAY) == draft
    with pytest.raises(RuleError, match="OFFSITE_RULES_STATE"):
        store.submit(contents, TODAY)
    with pytest.raises(RuleError, match="SAME_MAKER_AND_CHECKER"):
        store.approve(SAMPLE.version, CLERK)
    with pytest.raises(RuleError, match="OFFSITE_RULES_NOT_FOUND"):
        store.approve("0" * 64, SECOND)
    submitted = store.now
    store.now += dt.timedelta(hours=1)
    store.approve(SAMPLE.version, SECOND)
    with pytest.raises(RuleError) as caught:
        store.approve(SAMPLE.version, SECOND)
    assert caught.value.reason is Reason.OFFSITE_RULES_STATE
    # Of a day, and as it was known at a time.
    for day, known_time, version in (
        (TODAY, None, NATIONAL.version),
        (TODAY + DAY, None, SAMPLE.version),
        (TODAY + DAY, submitted, NATIONAL.version),
        (TODAY + 900 * DAY, store.now, SAMPLE.version),
    ):
        assert store.rules.in_force(REGION, day, known_time).rules_version == version
    assert store.rules.in_force("330200", TODAY + DAY, None).rules_version == NATIONAL.version
    assert store.rules.find(REGION, SAMPLE.version).contents == contents
    assert [each.rules_version for each in store.rules.page(REGION, after=None, limit=9)] == [
        SAMPLE.version
    ]
    # Today the national rules ask for no form; from tomorrow on the region's do.
    first = store.create()
    store.now += dt.timedelta(days=1)
    with pytest.raises(RuleError, match="MATERIAL_MISSING"):
        store.create(application(person_id=new_id(), start_date=TODAY + DAY))
    assert store.find(first).rules_version == NATIONAL.version


def test_of_rules_of_one_day_those_approved_last_hold(store: Store) -> None:
    second = SAMPLE_FILE.read_bytes() + b"# corrected\n"
    store.submit(SAMPLE_FILE.read_bytes(), TODAY)
    store.submit(second, TODAY, version="f" * 64)
    for version in (SAMPLE.version, "f" * 64):
        store.now += dt.timedelta(hours=1)
        store.approve(version, SECOND)
    assert store.rules.in_force(REGION, None, None).contents == second
    before = store.now - dt.timedelta(minutes=1)
    assert store.rules.in_force(REGION, None, before).contents == SAMPLE_FILE.read_bytes()


def test_rules_approved_by_a_clock_ahead_are_in_force_once_it_is_right(store: Store) -> None:
    store.submit(SAMPLE_FILE.read_bytes(), TODAY)
    store.now += dt.timedelta(hours=1)
    store.approve(SAMPLE.version, SECOND)
    store.now -= dt.timedelta(hours=1)
    assert store.rules.in_force(REGION, None, None).rules_version == SAMPLE.version
    with pytest.raises(RuleError, match="MATERIAL_MISSING"):
        store.create()
    # They are corrected by a clock that is right, and do not outrank that.
    corrected = SAMPLE_FILE.read_bytes() + b"# corrected\n"
    store.submit(corrected, TODAY, version="f" * 64)
    store.approve("f" * 64, SECOND)
    assert store.rules.in_force(REGION, None, None).contents == corrected


def test_the_same_rules_submitted_at_once_are_one_draft(store: Store) -> None:
    barrier = threading.Barrier(3)
    drafts: list[StoredRules] = []

    def submit() -> None:
        barrier.wait(timeout=30)
        drafts.append(store.submit(SAMPLE_FILE.read_bytes(), TODAY))

    threads = [threading.Thread(target=submit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(drafts) == 3
    assert len({each.submit_time for each in drafts}) == 1
    assert store.rows(tables.region_rules) == 1
