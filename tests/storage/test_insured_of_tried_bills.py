"""What a policy is tried with of persons whose bills do not say it."""

import datetime as dt

import pytest
from support.databases import Databases
from support.settlement_world import REGION, World

from yibao_settlement.rules.enrolment import RegisteredDisease
from yibao_settlement.storage.simulation import StoredHistory

DISEASE = RegisteredDisease("M03900", dt.date(2025, 1, 1), None)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def test_a_person_that_was_merged_is_insured_as_the_survivor(world: World) -> None:
    retired, survivor = world.enrol(2)
    world.merge(retired, survivor)
    world.feed(world.insured(survivor, tier="2", diseases=(DISEASE,)))
    found = StoredHistory(world.database).insured(REGION, [retired])
    assert list(found) == [retired]
    assert [each.tier for each in found[retired].enrolments] == ["2"]
    assert list(found[retired].diseases) == [DISEASE]


def test_nothing_is_told_of_somebody_unknown(world: World) -> None:
    unknown = "01900000-0000-7000-8000-000000000000"
    assert StoredHistory(world.database).insured(REGION, [unknown]) == {}
