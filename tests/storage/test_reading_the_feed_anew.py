"""A feed that is another one: what was known serves on, and who is not told of is gone."""

import datetime as dt

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.settlement_parts import feed_of, tell
from support.settlement_world import NOW, REGION, World

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.feed import EnrolmentChange, Gone
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.credential import CredentialState
from yibao_settlement.storage import tables

OTHER = "two"


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def refusal(world: World, person: str, visit: str) -> Reason:
    with pytest.raises(RuleError) as caught:
        world.settle(visit, person)
    return caught.value.reason


def gone_times(world: World) -> dict[str, dt.datetime | None]:
    person = tables.person.c
    with world.database.read() as connection:
        rows = connection.execute(sa.select(person.person_id, person.gone_time))
        return {row.person_id: row.gone_time for row in rows}


def states(world: World) -> dict[str, set[int]]:
    credential = tables.credential.c
    found: dict[str, set[int]] = {}
    with world.database.read() as connection:
        for person_id, state in connection.execute(
            sa.select(credential.person_id, credential.state)
        ):
            found.setdefault(person_id, set()).add(state)
    return found


def test_who_is_not_told_of_any_more_is_gone_once_all_is_read(world: World) -> None:
    first, second, third = world.enrol(3)
    visits = {person: world.register(person) for person in (first, second, third)}
    feed = feed_of(world.database, clock=world.clock)
    begun = tell(feed, REGION, (), epoch=OTHER, head_sequence=3, starts_anew=True)
    assert (begun.began_anew, begun.gone, begun.is_current) == (True, None, False)
    new = new_id()
    tell(feed, REGION, [change(world, 1, first)], epoch=OTHER, head_sequence=3)
    # Nobody is refused before all is read: who was known serves on.
    world.settle(visits[second], second)
    assert not any(gone_times(world).values())
    rest = [change(world, 2, third), change(world, 3, new)]
    done = tell(feed, REGION, rest, epoch=OTHER, head_sequence=3)
    assert (done.gone, done.is_current) == (Gone(1, 0), True)
    assert gone_times(world) == {first: None, second: NOW, third: None, new: None}
    assert states(world)[second] == {CredentialState.CLOSED}
    assert refusal(world, second, visits[second]) is Reason.ECERT_NOT_ACTIVATED
    with pytest.raises(RuleError) as caught:
        world.register(second)
    assert caught.value.reason is Reason.PERSON_NOT_ENROLLED
    world.settle(visits[first], first)
    world.settle(world.register(new), new)
    assert check_ledger(world.database).drifts == []


def test_who_is_told_of_again_is_back(world: World) -> None:
    (person,) = world.enrol()
    feed = feed_of(world.database, clock=world.clock)
    lost = tell(feed, REGION, (), epoch=OTHER, head_sequence=0, starts_anew=True)
    assert lost.gone == Gone(1, 0)
    again = tell(feed, REGION, (), epoch="three", head_sequence=1, starts_anew=True)
    assert again.position.reading == 3
    assert tell(feed, REGION, [change(world, 1, person)], epoch="three").gone == Gone(0, 0)
    assert gone_times(world) == {person: None}
    world.settle(world.register(person), person)


def test_a_merge_that_the_restored_database_does_not_know_is_told(world: World) -> None:
    retired, survivor = world.enrol(2)
    world.run(world.credit_command(retired, 500))
    world.feed(world.insured(retired, merged_into=survivor, enrolments=(), credentials=()))
    feed = feed_of(world.database, clock=world.clock)
    tell(feed, REGION, (), epoch=OTHER, head_sequence=2, starts_anew=True)
    both = [change(world, 1, retired), change(world, 2, survivor)]
    assert tell(feed, REGION, both, epoch=OTHER).gone == Gone(0, 1)


def change(world: World, sequence: int, person_id: str) -> EnrolmentChange:
    return EnrolmentChange(sequence, world.insured(person_id))
