"""A visit is cancelled while nothing stands settled of it, and bills and cancelling never cross."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.databases import Databases
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, World

from yibao.settlement.v1 import visit_pb2
from yibao.settlement.v1.visit_service_pb2 import CancelVisitResponse
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.visit import Visit
from yibao_settlement.servicer import encode


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def refusal(outcome: bytes | RuleError) -> tuple[Reason, dict[str, str]]:
    assert isinstance(outcome, RuleError), outcome
    return outcome.reason, outcome.metadata


def test_a_cancelled_visit_is_told_so_and_its_number_is_free_again(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person, provider_visit_number="MZ-1")
    answer = CancelVisitResponse.FromString(world.run(world.cancel_command(visit))).visit
    assert answer.state == visit_pb2.VISIT_STATE_CANCELLED
    assert answer.cancel_time.ToDatetime(tzinfo=dt.UTC) == NOW
    assert answer.cancelled_by == f"institution/{HOSPITAL}"
    stored = world.queries.visit(REGION, visit)
    assert stored is not None
    assert encode.visit_message(REGION, stored) == answer
    again = world.register(person, provider_visit_number="MZ-1")
    assert again != visit
    other = world.visit_command(person, provider_visit_number="MZ-1")
    assert refusal(world.work(REGION, [other])[0]) == (Reason.VISIT_EXISTS, {"visit_id": again})


def test_nothing_of_a_cancelled_visit_is_tried_or_settled(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    world.run(world.cancel_command(visit))
    expected = (Reason.VISIT_CANCELLED, {"visit_id": visit})
    assert refusal(world.work(REGION, [world.settle_command(visit, person)])[0]) == expected
    with pytest.raises(RuleError) as refused:
        trial(world.queries, REGION, world.bill(visit), institution_id=HOSPITAL, now=NOW)
    assert refusal(refused.value) == expected


def test_a_visit_is_cancelled_only_once_its_settlements_are_reversed(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    settlement_id = world.settle(visit, person).settlement_id
    refused = world.work(REGION, [world.cancel_command(visit)])[0]
    metadata = {"visit_id": visit, "settlement_id": settlement_id}
    assert refusal(refused) == (Reason.VISIT_SETTLED, metadata)
    world.reverse(settlement_id)
    assert isinstance(world.work(REGION, [world.cancel_command(visit)])[0], bytes)
    assert check_ledger(world.database).drifts == []


def test_a_repeat_gets_the_same_bytes_and_another_request_the_visit_as_it_is(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    command = world.cancel_command(visit)
    first = world.run(command)
    world.clock.now = NOW + dt.timedelta(hours=1)
    assert world.run(command) == first
    assert world.run(world.cancel_command(visit)) == first


def test_another_institutions_visit_is_not_told_apart_from_none(world: World) -> None:
    (person,) = world.enrol()
    visit, unknown = world.register(person), new_id()
    foreign = world.cancel_command(visit, institution_id=OTHER_HOSPITAL)
    for command, visit_id in ((foreign, visit), (world.cancel_command(unknown), unknown)):
        refused = world.work(REGION, [command])[0]
        assert refusal(refused) == (Reason.VISIT_NOT_FOUND, {"visit_id": visit_id})


def test_commands_of_one_batch_see_what_the_ones_before_did(world: World) -> None:
    person, other = world.enrol(2)
    visit = world.register(person, provider_visit_number="1")
    settled = world.register(other, provider_visit_number="2")
    outcomes = world.work(
        REGION,
        [
            world.cancel_command(visit),
            world.settle_command(visit, person),
            world.visit_command(person, provider_visit_number="1"),
            world.settle_command(settled, other),
            world.cancel_command(settled),
        ],
    )
    reasons = [each.reason if isinstance(each, RuleError) else None for each in outcomes]
    assert reasons == [None, Reason.VISIT_CANCELLED, None, None, Reason.VISIT_SETTLED]
    assert check_ledger(world.database).drifts == []


def test_a_bill_that_waited_for_the_cancelling_is_refused(postgres_databases: Databases) -> None:
    """Its visit is read under the lock, not as it was when the bill began to wait."""
    world = World(postgres_databases.open("yibao_settlement"))
    (person,) = world.enrol()
    visit = world.register(person)
    locked, waiting = threading.Event(), threading.Event()

    def slowly(region: str, cancelled: Visit) -> bytes:
        locked.set()
        # The bill is sent now; it can only wait for the person's lock.
        waiting.wait(0.5)
        return encode.cancelled(region, cancelled)

    bill = world.settle_command(visit, person)
    with ThreadPoolExecutor(2) as threads:
        cancelling = threads.submit(
            world.new_worker(), REGION, [world.cancel_command(visit, encode=slowly)]
        )
        assert locked.wait(10)
        settling = threads.submit(world.new_worker(), REGION, [bill])
        assert isinstance(cancelling.result()[0], bytes)
        assert refusal(settling.result()[0])[0] is Reason.VISIT_CANCELLED
