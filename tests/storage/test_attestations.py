"""Entries of status lists of attestations in both databases."""

import dataclasses
import datetime as dt
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from support.databases import Databases
from support.memory.offsite.attestation import PlainSigner

from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.attestation import Attestations, Issued
from yibao_offsite.application.work import Work
from yibao_offsite.rules.attestation import AT_ONCE, Entry, stated_digest
from yibao_offsite.rules.feed import RegisteredCare
from yibao_offsite.storage import tables
from yibao_offsite.storage.work import unit_of_work

REGION, OTHER_REGION = "330100", "500100"
NOW = dt.datetime(2026, 11, 2, 4, tzinfo=dt.UTC)
TODAY, DAY = dt.date(2026, 11, 2), dt.timedelta(days=1)


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_offsite")


Do = Callable[..., Any]


@pytest.fixture
def do(database: Database) -> Do:
    """Carries out work in a transaction of a region."""
    transactions: StoredTransactions[Work] = StoredTransactions(
        database, answers=tables.answer, unit=unit_of_work(None), clock=lambda: NOW
    )

    def carried_out(work: Callable[[Work], Any], region: str = REGION) -> Any:
        return transactions.change(region, work)

    return carried_out


def care(**changes: Any) -> RegisteredCare:
    values: dict[str, Any] = {
        "registration_id": new_id(),
        "person_id": new_id(),
        "category": 4,
        "treatment_region": "500000",
        "terms": 3,
        "benefits": (1, 2),
        "start_date": TODAY,
        "end_date": None,
        "is_void": False,
        "origin": 1,
        "version": 1,
    }
    return RegisteredCare(**(values | changes))


def entry(of: RegisteredCare, index: int, number: int = 1) -> Entry:
    return Entry(number, index, of.registration_id, stated_digest(of), NOW + 30 * DAY)


def test_what_settlement_was_told_is_found_as_it_was_told(do: Do) -> None:
    told = care(end_date=TODAY + DAY)
    do(lambda work: work.feed.tell_registration(told))
    assert do(lambda work: work.attestations.told(told.registration_id)) == told
    assert do(lambda work: work.attestations.told(told.registration_id), OTHER_REGION) is None


def test_a_place_is_taken_once_in_its_region(do: Do) -> None:
    one, other = care(), care()
    assert do(lambda work: work.attestations.newest_list()) == 0
    assert do(lambda work: work.attestations.take(entry(one, 5), now=NOW))
    assert not do(lambda work: work.attestations.take(entry(other, 5), now=NOW))
    assert do(lambda work: work.attestations.take(entry(other, 5, 3), now=NOW))
    assert do(lambda work: work.attestations.take(entry(other, 5), now=NOW), OTHER_REGION)
    assert do(lambda work: work.attestations.newest_list()) == 3
    assert do(lambda work: work.attestations.entries(one.registration_id)) == [entry(one, 5)]


def test_an_entry_is_taken_back_with_what_settlement_is_told(do: Do) -> None:
    cases: dict[int, tuple[dict[str, Any], dt.date | None]] = {
        1: ({"is_void": True}, AT_ONCE),
        2: ({"terms": 5}, AT_ONCE),
        3: ({"end_date": TODAY}, TODAY + DAY),
        4: ({}, None),
    }
    taken = {index: care() for index in cases}

    def take(work: Work) -> None:
        for index, of in taken.items():
            assert work.attestations.take(entry(of, index), now=NOW)

    do(take)

    def tell(work: Work) -> None:
        for index, (change, _) in cases.items():
            told: Any = {**change, "version": 2}
            work.feed.tell_registration(dataclasses.replace(taken[index], **told))

    do(tell)
    for index, (_, day) in cases.items():
        registration_id = taken[index].registration_id
        (found,) = do(lambda work, id=registration_id: work.attestations.entries(id))
        assert found.withdraw_date == day

    def is_set(on: dt.date, at: dt.datetime = NOW) -> frozenset[int]:
        found: frozenset[int] = do(lambda work: work.attestations.set_entries(1, today=on, now=at))
        return found

    assert is_set(TODAY) == {1, 2}
    assert is_set(TODAY + DAY) == {1, 2, 3}
    assert is_set(TODAY, NOW + 30 * DAY) == frozenset()
    assert do(lambda work: work.attestations.set_entries(2, today=TODAY, now=NOW)) == frozenset()


def test_a_later_attestation_keeps_the_entry_in_its_list(do: Do) -> None:
    of = care()
    do(lambda work: work.attestations.take(entry(of, 1), now=NOW))
    later = dataclasses.replace(entry(of, 1), last_expire_time=NOW + 40 * DAY)
    do(lambda work: work.attestations.extend(later))
    assert do(lambda work: work.attestations.entries(of.registration_id)) == [later]


def test_what_is_revoked_while_somebody_asks_is_not_attested(database: Database) -> None:
    transactions: StoredTransactions[Work] = StoredTransactions(
        database, answers=tables.answer, unit=unit_of_work(None), clock=lambda: NOW
    )
    attestations = Attestations(
        transactions, PlainSigner(), life=30 * DAY, clock=lambda: NOW, random_bytes=os.urandom
    )
    of = care()
    transactions.change(REGION, lambda work: work.feed.tell_registration(of))
    request = Request.trial(parse_caller("channel/wallet"), method="GetAttestation", region=REGION)
    with ThreadPoolExecutor(1) as elsewhere:

        def revoke(work: Work) -> "Future[Issued]":
            work.persons.lock(of.person_id)
            asked = elsewhere.submit(attestations.issue, request, of.registration_id)
            # The other one waits for the person, having found the registration as it was.
            time.sleep(0.5)
            assert not asked.done()
            work.feed.tell_registration(dataclasses.replace(of, is_void=True, version=2))
            return asked

        asked = transactions.change(REGION, revoke)
        with pytest.raises(RuleError) as refused:
            asked.result(timeout=30)
    assert refused.value.reason is Reason.REGISTRATION_STATE
    assert transactions.change(REGION, lambda work: work.attestations.newest_list()) == 0
