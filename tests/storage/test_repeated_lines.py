"""The same lines under another bill number of a visit, on both databases (T-31)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.charges import assert_books_are_right, carrying, charged, of_uploaded, refusal, upload
from support.databases import Databases
from support.settlement_world import HOSPITAL, NOW, REGION, World

from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.rules.bill import ChargedLine

LINES = (ChargedLine(1, "A1", "100.00", "90", 900_000),)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def test_lines_without_ids_are_settled_once_in_a_visit(world: World) -> None:
    # Rule T-31 and case D2.
    (person,) = world.enrol()
    visit = world.register(person)
    first = world.settle(visit, person, bill=carrying(world, visit, *LINES))
    again = carrying(world, visit, LINES[0]._replace(unit_price="100", quantity="90.0"))
    error = refusal(lambda: world.settle(visit, person, bill=again))
    assert (error.reason, error.metadata["settlement_id"]) == (
        Reason.LINES_ALREADY_SETTLED,
        first.settlement_id,
    )
    error = refusal(lambda: trial(world.queries, REGION, again, institution_id=HOSPITAL, now=NOW))
    assert error.reason is Reason.LINES_ALREADY_SETTLED
    # Of another visit they are others.
    other = world.register(person)
    assert world.settle(other, person, bill=carrying(world, other, *LINES)).total_fen == 900_000
    assert_books_are_right(world)


def test_a_reversed_bill_frees_its_lines(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    first = world.settle(visit, person, bill=carrying(world, visit, *LINES))
    world.reverse(first.settlement_id)
    second = world.settle(visit, person, bill=carrying(world, visit, *LINES))
    assert (second.total_fen, second.fund_total_fen) == (first.total_fen, first.fund_total_fen)
    assert_books_are_right(world)


def test_lines_that_come_back_with_or_without_ids_are_known(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    line = charged("L1")
    world.settle(visit, person, bill=carrying(world, visit, line))
    assert line.details is not None
    bare = line._replace(details=line.details._replace(line_id=""))
    error = refusal(lambda: world.settle(visit, person, bill=carrying(world, visit, bare)))
    assert error.reason is Reason.LINES_ALREADY_SETTLED
    # A second box of one day has an id of its own.
    settled = world.settle(visit, person, bill=carrying(world, visit, charged("L2")))
    assert settled.total_fen == line.amount_fen
    upload(world, visit, charged("L3"))
    settled = world.settle(visit, person, bill=of_uploaded(world, visit, line.amount_fen))
    assert settled.total_fen == line.amount_fen
    assert_books_are_right(world)


def test_two_bills_of_the_same_lines_in_one_batch_are_one(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    commands = [
        world.settle_command(visit, person, bill=carrying(world, visit, *LINES)) for _ in range(3)
    ]
    first, second, third = world.work(REGION, commands)
    assert isinstance(first, bytes)
    settled = SettleBillResponse.FromString(first).settlement
    for outcome in (second, third):
        assert isinstance(outcome, RuleError)
        assert outcome.metadata == {"settlement_id": settled.settlement_id}
    assert_books_are_right(world)


def test_two_processes_do_not_settle_the_same_lines_twice(world: World) -> None:
    person = new_id()
    world.feed(world.insured(person, credentials=(world.ecert(person), world.card(person))))
    visit = world.register(person)
    # Codes of two credentials: neither supersedes the other.
    commands = [
        world.settle_command(
            visit,
            person,
            bill=carrying(world, visit, *LINES),
            code=world.code(person, is_cards=is_cards),
        )
        for is_cards in (False, True)
    ]
    workers = [world.new_worker() for _ in commands]
    with ThreadPoolExecutor(2) as threads:
        outcomes = list(
            threads.map(lambda at: workers[at](REGION, [commands[at]])[0], range(len(commands)))
        )
    (refused,) = [each for each in outcomes if isinstance(each, RuleError)]
    assert refused.reason is Reason.LINES_ALREADY_SETTLED
    assert_books_are_right(world)
