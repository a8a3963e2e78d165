"""Processes race for one token, and for one code that is resolved: one of them gets it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.charges import assert_books_are_right
from support.databases import Databases
from support.holds import hold_command
from support.settlement_world import REGION, TODAY, World
from support.tokens import REGISTER, SETTLE, resolve, resolve_command

from yibao_common.values.errors import RuleError, TransientError
from yibao_settlement.application.batch.command import Command
from yibao_settlement.storage import tables

_ROUNDS = 6


def race(world: World, commands: list[Command]) -> list[bytes | RuleError]:
    """Carries out each command by a worker of its own, all at once, as processes do."""
    start = threading.Barrier(len(commands))

    def run(command: Command) -> bytes | RuleError:
        work = world.new_worker()
        start.wait(timeout=20)
        while True:
            try:
                (outcome,) = work(REGION, [command])
            except (TransientError, sa.exc.IntegrityError):
                continue  # as the batcher does
            return outcome

    with ThreadPoolExecutor(len(commands)) as threads:
        return list(threads.map(run, commands))


def check_one_won(outcomes: list[bytes | RuleError], lost: set[str]) -> None:
    assert sum(isinstance(each, bytes) for each in outcomes) == 1
    assert {each.reason.name for each in outcomes if isinstance(each, RuleError)} <= lost


@pytest.mark.long
def test_one_of_many_uses_of_a_token_counts(databases: Databases) -> None:
    world = World(databases.open("yibao_settlement"))
    (person,) = world.enrol()
    visit = world.register(person)
    for _ in range(_ROUNDS):
        token = resolve(world, person, audience=SETTLE)
        bills: list[Command] = [
            world.settle_command(visit, person, code=token),
            hold_command(world, visit, person, code=token),
            world.settle_command(visit, person, code=token),
        ]
        check_one_won(race(world, bills), {"TOKEN_ALREADY_USED"})
        token = resolve(world, person, audience=REGISTER)
        visits: list[Command] = [
            world.visit_command(person, code=token, care_type="11", start_date=TODAY)
            for _ in range(3)
        ]
        check_one_won(race(world, visits), {"TOKEN_ALREADY_USED"})
    with world.database.read() as connection:
        used = connection.execute(sa.select(sa.func.count()).select_from(tables.token_use))
        assert used.scalar_one() == 2 * _ROUNDS
    assert_books_are_right(world)


@pytest.mark.long
def test_a_code_is_resolved_or_settled_by_one(databases: Databases) -> None:
    world = World(databases.open("yibao_settlement"))
    (person,) = world.enrol()
    visit = world.register(person)
    for _ in range(_ROUNDS):
        code = world.code(person)
        commands: list[Command] = [
            resolve_command(world, person, code=code),
            world.settle_command(visit, person, code=code),
            resolve_command(world, person, code=code),
        ]
        check_one_won(race(world, commands), {"QR_ALREADY_USED"})
    assert_books_are_right(world)


def test_a_repeat_that_races_its_first_gets_the_same_answer(databases: Databases) -> None:
    world = World(databases.open("yibao_settlement"))
    (person,) = world.enrol()
    visit = world.register(person)
    resolving = resolve_command(world, person)
    first, second = race(world, [resolving, resolving])
    assert first == second
    settling = world.settle_command(visit, person, code=resolve(world, person))
    first, second = race(world, [settling, settling])
    assert isinstance(first, bytes)
    assert first == second
