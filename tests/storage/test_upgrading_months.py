"""Entries of before months were told get the months that they would have been posted with."""

import sqlalchemy as sa
from support.benefit_world import admit, benefit_world
from support.charges import assert_books_are_right
from support.corrections import correct
from support.databases import Databases
from support.periods import DECEMBER, JANUARY
from support.settlement_world import TODAY, World
from support.upgrades import go_back_before

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.db import migrations
from yibao_common.db.database import Database
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables

PACKAGE = "yibao_settlement"
Months = dict[tuple[str, str], tuple[int, int | None]]


def settle(world: World, person: str) -> Settlement:
    visit = admit(world, person, TODAY)
    world.run(world.discharge_command(visit))
    return world.settle(visit, person, bill=world.bill(visit))


def months(database: Database) -> Months:
    entry = tables.entry.c
    query = sa.select(entry.account_id, entry.posting_id, entry.month, entry.original_month)
    with database.read() as connection:
        return {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(query)}


def test_entries_of_before_are_of_the_month_of_their_booking(databases: Databases) -> None:
    world = benefit_world(databases.owned())
    person, other, duplicate = world.enrol(3)
    world.run(world.credit_command(duplicate, 500))
    first, second, third = (settle(world, person) for _ in range(3))
    world.clock.now = DECEMBER
    settle(world, other)
    world.refund(third.settlement_id, AskedReturn(1))
    corrected = correct(world, second.settlement_id, world.bill(second.visit_id).lines)
    world.clock.now = JANUARY
    world.reverse(first.settlement_id)
    world.reverse(corrected.settlement.settlement_id)
    world.merge(duplicate, other)
    posted = months(world.database)
    assert {month for month, _ in posted.values()} == {202611, 202612, 202701}
    assert {original for _, original in posted.values()} == {None, 202611, 202612}
    go_back_before(world.database, PACKAGE, "0037")
    migrations.upgrade(world.database, PACKAGE)
    assert months(world.database) == posted
    assert_books_are_right(world)
