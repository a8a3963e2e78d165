"""Persons of before names were told keep everything, and their names are learnt by themselves."""

import dataclasses

import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.settlement_parts import EPOCH, feed_of, tell
from support.settlement_world import REGION, World
from support.tokens import told
from support.upgrades import go_back_before

from yibao_common.db import migrations
from yibao_common.db.schema import check_is_current
from yibao_common.values.ids import new_id
from yibao_identity.storage import tables as identity_tables
from yibao_settlement.application.feed import EnrolmentChange, Gone
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage import tables

PACKAGE = "yibao_settlement"


def test_a_feed_that_was_read_is_read_anew_and_nobody_is_gone(databases: Databases) -> None:
    world = World(databases.owned().open(PACKAGE))
    first, second = world.enrol(2)
    visit = world.register(first)
    world.settle(visit, first)
    feed = feed_of(world.database, clock=world.clock)
    before = feed.position(REGION)
    assert (before.epoch, before.sequence) == (EPOCH, 2)
    go_back_before(world.database, PACKAGE, "0046")
    migrations.upgrade(world.database, PACKAGE)
    check_is_current(world.database, PACKAGE)
    # What was known serves on; no name is told of anybody yet.
    answer = told(world, first)
    assert (answer.person_id, answer.person_name_masked, answer.gender) == (first, "", 0)
    asked = feed.position(REGION)
    assert (asked.epoch, asked.sequence) == ("", 2)
    # Identity goes on with the same feed, and settlement asks it from the start.
    begun = tell(feed, REGION, (), asked=asked, head_sequence=2)
    assert (begun.began_anew, begun.position.sequence) == (True, 0)
    changes = [
        EnrolmentChange(
            number,
            dataclasses.replace(world.insured(person), person_name_masked=name, gender=number),
        )
        for number, (person, name) in enumerate(((first, "张*"), (second, "李**")), 1)
    ]
    done = tell(feed, REGION, changes)
    assert (done.gone, done.is_current) == (Gone(0, 0), True)
    for person, name, gender in ((first, "张*", 1), (second, "李**", 2)):
        answer = told(world, person)
        assert (answer.person_name_masked, answer.gender) == (name, gender)
    assert check_ledger(world.database).drifts == []


def test_an_identity_of_before_tells_no_names_and_is_understood(databases: Databases) -> None:
    world = World(databases.owned().open(PACKAGE))
    (person,) = world.enrol()
    with world.database.read() as connection:
        columns = tables.person.c.person_name_masked, tables.person.c.gender
        assert connection.execute(sa.select(*columns)).one() == (None, None)
    assert told(world, person).person_name_masked == ""


def test_identitys_feed_gets_another_epoch_and_keeps_its_numbers(databases: Databases) -> None:
    """So a settlement that was upgraded before learns of names too."""
    package = "yibao_identity"
    database = databases.owned().open(package)
    head = identity_tables.feed_head
    before = {REGION: new_id(), "999029": new_id()}
    with as_owner(database) as connection:
        for number, (region, epoch) in enumerate(before.items(), 7):
            row = {"region": region, "sequence": number, "epoch": epoch}
            connection.execute(sa.insert(head).values(row))
    go_back_before(database, package, "0018")
    migrations.upgrade(database, package)
    with database.read() as connection:
        after = {row.region: row for row in connection.execute(sa.select(head))}
    assert {region: row.sequence for region, row in after.items()} == {REGION: 7, "999029": 8}
    assert not {row.epoch for row in after.values()} & set(before.values())
    assert len({row.epoch for row in after.values()}) == 2
