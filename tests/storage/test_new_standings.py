"""The row that is inserted to have something to lock, and what becomes of it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.settlement_world import REGION, World

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage import tables


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def persons_with_standing(world: World) -> set[str]:
    with world.database.read() as connection:
        return set(connection.execute(sa.select(tables.person_standing.c.person_id)).scalars())


def test_a_refused_command_leaves_no_standing_and_its_neighbours_keep_theirs(world: World) -> None:
    refused, credited = world.enrol(2)
    nobody = new_id()
    outcomes = world.work(
        REGION,
        [
            world.visit_command(refused, institution_id="H99901900099"),
            world.credit_command(credited, 700),
            world.credit_command(nobody, 700),
        ],
    )
    assert [getattr(each, "reason", None) for each in outcomes] == [
        Reason.INSTITUTION_NOT_DESIGNATED,
        None,
        Reason.PERSON_NOT_ENROLLED,
    ]
    assert persons_with_standing(world) == {credited}


def test_a_person_with_a_standing_keeps_it_when_a_command_is_refused(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 700))
    command = world.visit_command(person, institution_id="H99901900099")
    assert isinstance(world.work(REGION, [command])[0], RuleError)
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert standing.balance_fen == 700


def test_processes_that_refuse_and_book_a_new_person_at_once_lose_nothing(world: World) -> None:
    for _ in range(10):
        (person,) = world.enrol()
        refusing = [world.visit_command(person, institution_id="H99901900099") for _ in range(3)]
        booking = [world.credit_command(person, 100) for _ in range(2)]

        def carry_out(command: Command) -> object:
            (outcome,) = world.new_worker()(REGION, [command])
            return outcome

        with ThreadPoolExecutor(5) as threads:
            outcomes = list(threads.map(carry_out, [*refusing, *booking]))
        assert [isinstance(each, bytes) for each in outcomes] == [False] * 3 + [True] * 2
        standing = world.queries.standing(REGION, person)
        assert standing is not None
        assert standing.balance_fen == 200
    assert check_ledger(world.database).drifts == []
