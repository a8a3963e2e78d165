"""Requests whose answers were gone before the upgrade are known by what they made."""

import sqlalchemy as sa
from support.benefit_world import benefit_world
from support.databases import Databases, as_owner
from support.day_books import DayBooks
from support.outcomes import resolve
from support.settlement_world import TODAY, World
from support.upgrades import go_back_before

from yibao.settlement.v1.outcome_pb2 import REQUEST_STATE_BOOKED
from yibao_common.db import migrations
from yibao_settlement.application.change import TOLD_AFTER
from yibao_settlement.rules.day.act import DayActKind
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables

PACKAGE = "yibao_settlement"


def as_of_before(world: World, *kept_request_ids: str) -> None:
    """Makes the schema that of before, with the answers of some requests alone."""
    answer = tables.answer.c
    with as_owner(world.database) as connection:
        connection.execute(
            sa.delete(tables.answer).where(answer.request_id.not_in(kept_request_ids))
        )
    go_back_before(world.database, PACKAGE, "0044")


def test_they_are_told_as_booked_and_their_days_are_compared(databases: Databases) -> None:
    books = DayBooks(benefit_world(databases.owned()))
    world = books.world
    (person,) = world.enrol()
    visits = [world.register(person, care_type="11", start_date=TODAY) for _ in range(3)]
    settled = [books.settle(each, person, world.bill(each)) for each in visits]
    books.refund(settled[0], AskedReturn(line_number=1))
    books.reverse(settled[1])
    books.correct(settled[2], ("A1", 300_000))
    lines = books.lines(TODAY)
    kept = next(line for line in lines if line.kind is DayActKind.SETTLED)
    as_of_before(world, kept.request_id)
    migrations.upgrade(world.database, PACKAGE)
    with world.database.read() as connection:
        past = connection.execute(sa.select(tables.past_answer.c.request_id)).scalars().all()
    assert sorted(past) == [line.request_id for line in lines if line is not kept]
    world.clock.now += TOLD_AFTER * 2
    for line in lines:
        told = resolve(world, line.request_id)
        assert (told.state, told.settlement_id) == (REQUEST_STATE_BOOKED, line.settlement_id)
        assert bool(told.reversal_id) == (line.kind is DayActKind.REVERSED)
        assert bool(told.refund_id) == (line.kind is DayActKind.REFUNDED)
    assert books.compare(TODAY, lines).differences == []
