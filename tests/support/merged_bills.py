"""Bills of records that are merged, as tests make, read and undo them."""

from typing import Any

import sqlalchemy as sa
from support.benefit_world import admit, stay_bill
from support.bills_in_order import cost, record_of
from support.settlement_parts import feed_of, tell
from support.settlement_world import HOSPITAL, REGION, TODAY, World

from yibao_common.values.ids import new_id
from yibao_settlement.application.feed import Applied, EnrolmentChange
from yibao_settlement.rules.account import Standing
from yibao_settlement.storage import tables


def reverse(world: World, settlement_id: str) -> None:
    world.reverse(settlement_id, institution_id=record_of(world, settlement_id).institution_id)


def standing_of(world: World, person_id: str) -> Standing:
    found = world.queries.standing(REGION, person_id)
    assert found is not None
    return found


def stay(
    world: World, person: str, fen: int, institution_id: str, *more_fen: int, **facts: Any
) -> str:
    """Settles a stay of one bill."""
    visit = admit(world, person, TODAY, institution_id=institution_id)
    bill = stay_bill(world, visit, TODAY, fen, *more_fen, **facts)
    return world.settle(visit, person, bill=bill, institution_id=institution_id).settlement_id


def costs(world: World, settled: list[str]) -> list[tuple[object, ...]]:
    return [cost(record_of(world, each), effective=True) for each in settled]


def costs_of(world: World, person: str, lines: list[tuple[int, ...]]) -> list[tuple[object, ...]]:
    """Returns what stays cost somebody who never had other ones."""
    settled = [stay(world, person, first, HOSPITAL, *more) for first, *more in lines]
    return costs(world, settled)


def adjustments(world: World) -> int:
    with world.database.read() as connection:
        query = sa.select(sa.func.count()).select_from(tables.adjustment)
        return int(connection.execute(query).scalar_one())


def told_of_merge(world: World, retired: str, survivor: str, ids: object = new_id) -> Applied:
    feed = feed_of(world.database, clock=world.clock, ids=ids)  # type: ignore[arg-type]
    first = feed.position(REGION).sequence + 1
    persons = (world.insured(retired, merged_into=survivor), world.insured(survivor))
    changes = [EnrolmentChange(number, each) for number, each in enumerate(persons, first)]
    return tell(feed, REGION, changes)
