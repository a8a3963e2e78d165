"""What is altered of adjustments is told by the ledger checker, and hides nothing else."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world, stay_bill
from support.databases import Databases, as_owner
from support.settlement_world import TODAY, World

from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage import tables

ALTERED: dict[str, dict[str, Any]] = {
    "no JSON": {"effective": "{"},
    "another kind of cause": {"cause": 9},
    "no such reversal": {"cause_id": new_id()},
    "a revision further on": {"revision": 9},
    "without its posting": {"posting_id": None},
}


@pytest.fixture
def world(databases: Databases) -> World:
    """A person with four stays, of which the first two left: the last one moved twice."""
    world = benefit_world(databases)
    (person,) = world.enrol()
    settled = []
    for fen in (900_000, 900_001, 900_002, 2_900_003):
        visit = admit(world, person, TODAY)
        settled.append(world.settle(visit, person, bill=stay_bill(world, visit, TODAY, fen)))
    for each in settled[:2]:
        world.reverse(each.settlement_id)
    assert check_ledger(world.database).drifts == []
    return world


def moved(world: World) -> list[sa.Row[Any]]:
    """Returns the adjustments that moved money, in their order."""
    adjustment = tables.adjustment.c
    with world.database.read() as connection:
        return list(
            connection.execute(
                sa.select(*tables.adjustment.c)
                .where(adjustment.posting_id.is_not(None))
                .order_by(adjustment.settlement_id, adjustment.revision)
            )
        )


def subjects(world: World) -> set[str]:
    return {drift.subject for drift in check_ledger(world.database).drifts}


def change(world: World, row: sa.Row[Any], values: dict[str, Any]) -> None:
    adjustment = tables.adjustment.c
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(tables.adjustment)
            .where(
                adjustment.settlement_id == row.settlement_id, adjustment.revision == row.revision
            )
            .values(**values)
        )


@pytest.mark.parametrize("which", [0, -1], ids=["older", "newest"])
@pytest.mark.parametrize("fault", ALTERED)
def test_an_altered_adjustment_is_told(world: World, fault: str, which: int) -> None:
    row = moved(world)[which]
    change(world, row, ALTERED[fault])
    assert row.settlement_id in subjects(world)


@pytest.mark.parametrize("which", [0, -1], ids=["older", "newest"])
def test_amounts_of_an_adjustment_are_those_that_it_posted(world: World, which: int) -> None:
    row = moved(world)[which]
    effective = json.loads(row.effective)
    effective["amounts"][2] += 1
    change(world, row, {"effective": json.dumps(effective)})
    assert row.settlement_id in subjects(world)


def test_a_difference_of_somebody_else_is_told(world: World) -> None:
    row = moved(world)[-1]
    entry = tables.entry.c
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(tables.entry)
            .where(entry.posting_id == row.posting_id, entry.account_id.startswith("difference:"))
            .values(account_id="difference:nobody")
        )
    assert row.settlement_id in subjects(world)
