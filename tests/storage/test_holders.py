"""Holders of e-certificates, as identity's feed told of them."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from support.charges import assert_books_are_right
from support.corrections import record_of, settle
from support.databases import Databases
from support.settlement_world import OTHER_HOSPITAL, REGION, World

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.credential import Viewer, viewer_of
from yibao_settlement.application.settlement.effective import find_both_columns
from yibao_settlement.application.settlement.listing import Wish
from yibao_settlement.application.settlement.past import find_with_past
from yibao_settlement.application.statement import find_statement
from yibao_settlement.rules.credential import CredentialState
from yibao_settlement.storage.feed import StoredFeed


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def holder(world: World, **facts: Any) -> tuple[str, str]:
    """Enrols somebody with an e-certificate that has an id; returns both ids."""
    (person,) = world.enrol()
    return person, certify(world, person, **facts)


def certify(
    world: World, person: str, *, state: CredentialState = CredentialState.USABLE, **facts: Any
) -> str:
    certificate = new_id()
    credential = world.ecert(person, state)._replace(certificate_id=certificate)
    insured = world.insured(person, credentials=(credential,))
    world.feed(replace(insured, **facts))
    return certificate


def viewer(world: World, certificate: str) -> Viewer:
    caller = parse_caller(f"holder/{certificate}")
    return viewer_of(world.queries, REGION, caller, check_feed=lambda region: None)


def is_refused(world: World, certificate: str) -> bool:
    with pytest.raises(RuleError) as caught:
        viewer(world, certificate)
    return caught.value.reason is Reason.OUT_OF_SCOPE


def test_the_holder_of_a_certificate_is_known(world: World) -> None:
    person, certificate = holder(world)
    assert viewer(world, certificate) == Viewer(None, person, frozenset({person}))
    assert is_refused(world, new_id())
    for state in CredentialState:
        if state is not CredentialState.USABLE:
            _, other = holder(world, state=state)
            assert is_refused(world, other)


def test_who_died_reads_nothing(world: World) -> None:
    _, certificate = holder(world, death_date=dt.date(2026, 11, 1))
    assert is_refused(world, certificate)


def test_who_exists_no_more_reads_nothing(world: World) -> None:
    _, certificate = holder(world)
    assert viewer(world, certificate)
    with world.database.write() as connection:
        StoredFeed(connection, REGION).part_from(before_reading=99, at=world.clock.now)
    assert is_refused(world, certificate)


def test_records_that_were_merged_are_one_holder(world: World) -> None:
    retired, survivor = world.enrol(2)
    early = settle(world, retired, ("A1", 600_000))
    late = settle(world, survivor, ("A1", 700_000))
    world.merge(retired, survivor)
    certificate = certify(world, survivor)
    own = viewer(world, certificate)
    assert own == Viewer(None, survivor, frozenset({retired, survivor}))
    for settlement_id in (early, late):
        record, _ = find_with_past(world.queries, REGION, settlement_id, own)
        assert record.settlement_id == settlement_id
    wish = Wish(person_id=own.own_person(""))
    listed = world.queries.settlements(REGION, wish, after=None, limit=10)
    assert {each.settlement_id for each in listed} == {early, late}


def test_a_holder_reads_own_bills_with_their_causes_and_no_others(world: World) -> None:
    person, certificate = holder(world)
    early = settle(world, person, ("A1", 4_000_000), ("B1", 9_000_000))
    late = settle(world, person, ("A1", 7_000_000), institution=OTHER_HOSPITAL)
    world.reverse(early)
    own = viewer(world, certificate)
    _, (moved,) = find_with_past(world.queries, REGION, late, own)
    reversal = record_of(world, early).reversal
    assert reversal is not None
    assert (moved.cause_id, moved.cause_settlement_id) == (reversal.reversal_id, early)
    assert find_both_columns(world.queries, REGION, late, own).effective is not None
    find_statement(world.queries, REGION, late, own)
    _, other = holder(world)
    for find in (find_with_past, find_both_columns, find_statement):
        with pytest.raises(RuleError) as caught:
            find(world.queries, REGION, late, viewer(world, other))
        assert caught.value.reason is Reason.SETTLEMENT_NOT_FOUND
    assert_books_are_right(world)
