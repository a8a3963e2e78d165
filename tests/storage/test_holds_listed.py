"""What is held is listed, and the checker compares it with the requests that held it."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases, as_owner
from support.holds import confirm, hold, release, release_command
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao_common.values.ids import new_id
from yibao_settlement.application.hold.listing import HoldWish
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.storage import tables

HOLD, ASKED = tables.hold, tables.hold_request


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def held(world: World, person: str, institution: str = HOSPITAL) -> tuple[str, str]:
    """Holds a bill of a new visit; returns the ids of hold and visit."""
    visit = world.register(person, start_date=TODAY, institution_id=institution)
    bill = world.bill(visit)
    made = hold(world, visit, person, bill=bill, institution_id=institution)
    return made.hold_id, visit


def listed(world: World, *, after: str | None = None, limit: int = 9, **wish: str) -> list[str]:
    asked = HoldWish(world.clock.now, **wish)
    found = world.queries.held(REGION, asked, after=after, limit=limit)
    return [each.hold_id for each in found]


def test_what_is_held_is_listed_until_it_ends(world: World) -> None:
    one, other = world.enrol(2)
    (first, visit), (second, _), (third, _) = (
        held(world, one),
        held(world, other),
        held(world, one, OTHER_HOSPITAL),
    )
    assert listed(world) == [first, second, third]
    assert listed(world, institution_id=HOSPITAL) == [first, second]
    assert listed(world, person_id=one) == [first, third]
    assert listed(world, visit_id=visit) == [first]
    assert listed(world, after=first, limit=1) == [second]
    confirm(world, first)
    release(world, second)
    assert listed(world) == [third]
    # One that has run out is over, whoever notes it.
    world.clock.now += dt.timedelta(minutes=30)
    assert listed(world) == []


def test_records_that_were_merged_are_one_person(world: World) -> None:
    retired, survivor = world.enrol(2)
    (first, _), (second, _) = held(world, retired), held(world, survivor)
    world.merge(retired, survivor)
    assert listed(world, person_id=survivor) == [first, second]


def test_requests_that_held_or_were_released_first_are_as_they_say(world: World) -> None:
    (person,) = world.enrol()
    held(world, person)
    world.run(replace(release_command(world, ""), hold_request_id=new_id()))
    with world.database.read() as connection:
        states = connection.execute(sa.select(ASKED.c.hold_id).order_by(ASKED.c.hold_id)).scalars()
        assert sum(each is None for each in states) == 1
    assert_books_are_right(world)


Alter = Callable[[sa.Connection], None]


def gone(connection: sa.Connection) -> None:
    connection.execute(sa.delete(ASKED))


def changed(table: sa.Table, **values: object) -> Alter:
    def alter(connection: sa.Connection) -> None:
        connection.execute(sa.update(table).values(**values))

    return alter


@pytest.mark.parametrize(
    "alter",
    [
        gone,
        changed(ASKED, hold_id=new_id()),
        changed(ASKED, institution_id=OTHER_HOSPITAL),
        changed(ASKED, request_id=new_id()),
        changed(ASKED, hold_id=None),
        changed(ASKED, release_time=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
        changed(ASKED, released_by="somebody"),
    ],
)
def test_the_checker_finds_a_request_that_did_not_hold_so(world: World, alter: Alter) -> None:
    (person,) = world.enrol()
    held(world, person)
    assert_books_are_right(world)
    with as_owner(world.database) as connection:
        alter(connection)
    found = {INVARIANTS.index(each.invariant) for each in check_ledger(world.database).drifts}
    assert found == {18}
