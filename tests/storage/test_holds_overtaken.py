"""Releases that arrive before what they release, and are told by the request that holds it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases
from support.holds import confirm, hold_command, release_command
from support.settlement_world import OTHER_HOSPITAL, REGION, World

from yibao.settlement.v1.hold_pb2 import HoldState
from yibao.settlement.v1.hold_service_pb2 import HoldBillResponse, ReleaseHoldResponse
from yibao_common.commands.request import Outcome
from yibao_common.db.batcher import Batcher
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.hold.release import ReleaseHold
from yibao_settlement.storage import tables


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def release_of(world: World, request_id: str, **asked: str) -> ReleaseHold:
    return replace(release_command(world, "", **asked), hold_request_id=request_id)


def refusal_of(world: World, command: Command) -> RuleError:
    with pytest.raises(RuleError) as caught:
        world.run(command)
    return caught.value


def test_a_hold_that_was_released_before_it_came_is_refused(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person, care_type="11")
    command = hold_command(world, visit, person)
    request_id = command.request.request_id
    release = release_of(world, request_id)
    answer = world.run(release)
    told = ReleaseHoldResponse.FromString(answer).hold
    assert (told.hold_id, told.state) == ("", HoldState.HOLD_STATE_RELEASED)
    assert told.release_reason == release.reason
    # The repeat gets the stored bytes, another release is told that it was.
    assert world.run(release) == answer
    for each in (release_of(world, request_id), command):
        error = refusal_of(world, each)
        assert (error.reason, error.metadata) == (
            Reason.HOLD_RELEASED,
            {"hold_request_id": request_id},
        )
    # Another request holds the same bill, and another institution's of that id is its own.
    other = world.register(person, care_type="11", institution_id=OTHER_HOSPITAL)
    asked: dict[str, Any] = {"request_id": request_id, "institution_id": OTHER_HOSPITAL}
    made = hold_command(world, other, person, **asked)
    assert HoldBillResponse.FromString(world.run(made)).hold.hold_id
    bill = command.settling.bill
    assert world.run(hold_command(world, visit, person, bill=bill))
    assert_books_are_right(world)


def test_a_hold_is_released_by_the_request_that_made_it(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person, care_type="11")
    command = hold_command(world, visit, person)
    held = HoldBillResponse.FromString(world.run(command)).hold
    request_id = command.request.request_id
    elsewhere = ReleaseHoldResponse.FromString(
        world.run(release_of(world, request_id, institution_id=OTHER_HOSPITAL))
    )
    assert elsewhere.hold.hold_id == ""
    told = ReleaseHoldResponse.FromString(world.run(release_of(world, request_id))).hold
    assert (told.hold_id, told.state) == (held.hold_id, HoldState.HOLD_STATE_RELEASED)
    with pytest.raises(RuleError) as caught:
        confirm(world, held.hold_id)
    assert caught.value.reason is Reason.HOLD_RELEASED
    # Its answer is no longer kept: the request can hold nothing anew.
    with world.database.write() as connection:
        connection.execute(sa.delete(tables.answer))
    assert refusal_of(world, command).reason is Reason.REQUEST_ID_REUSED
    assert_books_are_right(world)


def test_both_in_one_batch_end_with_nothing_held(world: World) -> None:
    for is_release_first in (False, True):
        (person,) = world.enrol()
        command = hold_command(world, world.register(person, care_type="11"), person)
        release = release_of(world, command.request.request_id)
        commands: list[Command] = [command, release]
        if is_release_first:
            commands.reverse()
        batcher: Batcher[Command, bytes] = Batcher(world.work)
        outcomes = batcher._carry_out(world.work, REGION, commands)
        refused = [each.reason for each in outcomes if isinstance(each, RuleError)]
        assert refused == ([Reason.HOLD_RELEASED] if is_release_first else [])
        assert held_of(world, person) == 0
    assert_books_are_right(world)


def held_of(world: World, person: str) -> int:
    hold = tables.hold.c
    with world.database.read() as connection:
        query = sa.select(sa.func.count()).where(hold.holder_id == person, hold.end_time.is_(None))
        return connection.execute(query).scalar_one()


def test_workers_race_a_hold_and_its_release_and_nothing_stays_held(world: World) -> None:
    for number in range(10):
        (person,) = world.enrol()
        command = hold_command(world, world.register(person, care_type="11"), person)
        release = release_of(world, command.request.request_id)
        works, barrier = [world.new_worker(), world.new_worker()], threading.Barrier(2)

        def run(
            work: BatchWork, each: Command, barrier: threading.Barrier = barrier
        ) -> Outcome[bytes]:
            barrier.wait()
            for _ in range(20):
                try:
                    (outcome,) = work(REGION, [each])
                    return outcome
                except (TransientError, sa.exc.IntegrityError):
                    continue  # as the batcher does
            raise AssertionError("it never ends")

        pair: list[Command] = [command, release]
        with ThreadPoolExecutor(2) as threads:
            order = (0, 1) if number % 2 else (1, 0)
            futures = {each: threads.submit(run, works[each], pair[each]) for each in order}
        held = futures[0].result()
        assert isinstance(futures[1].result(), bytes)
        assert isinstance(held, bytes) or held.reason is Reason.HOLD_RELEASED
        assert held_of(world, person) == 0
    assert_books_are_right(world)


def test_an_id_of_nothing_is_not_found(world: World) -> None:
    assert refusal_of(world, release_command(world, new_id())).reason is Reason.HOLD_NOT_FOUND
