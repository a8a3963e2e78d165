"""The outcome of a request id is told, and a request that was not booked is never carried out."""

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.charges import Uploads, assert_books_are_right
from support.corrections import charged as charged_lines
from support.corrections import correct, record_of, settle
from support.databases import Databases, as_owner
from support.holds import confirm_command, hold_command, release_command
from support.outcomes import resolve, resolve_command
from support.settlement_world import AGENCY, HOSPITAL, NOW, OTHER_HOSPITAL, REGION, World

from yibao.settlement.v1.hold_service_pb2 import HoldBillResponse
from yibao.settlement.v1.outcome_pb2 import (
    REQUEST_STATE_BOOKED,
    REQUEST_STATE_NOT_BOOKED,
    RequestOutcome,
)
from yibao.settlement.v1.settlement_service_pb2 import ResolveRequestResponse
from yibao.settlement.v1.visit_service_pb2 import RegisterVisitResponse
from yibao_common.db.pruning import prune_answers
from yibao_common.rpc.wire import from_instant
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchTransaction, BatchWork
from yibao_settlement.application.charge.upload import UploadLines
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache

DAY = dt.timedelta(days=1)
TERMINAL = f"terminal/{HOSPITAL}/T7"


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def refusal_of(world: World, command: Command) -> RuleError:
    with pytest.raises(RuleError) as caught:
        world.run(command)
    return caught.value


def booked(method: str, world: World, **made: str) -> dict[str, object]:
    return {
        "state": REQUEST_STATE_BOOKED,
        "method": method,
        "outcome_time": from_instant(world.clock.now),
        **made,
    }


def told(outcome: RequestOutcome) -> dict[str, object]:
    fields = {field.name: value for field, value in outcome.ListFields()}
    del fields["asked_request_id"]
    return fields


def prune(world: World) -> None:
    """Takes every answer away, as a year later."""
    before = world.clock.now + DAY
    answers, past = tables.answer, tables.past_answer
    assert prune_answers(world.database, answers, before=before, past=past, page_rows=2) > 0


def test_what_was_booked_is_told_with_what_it_made(world: World) -> None:
    (person,) = world.enrol()
    register = world.visit_command(person)
    visit = RegisterVisitResponse.FromString(world.run(register)).visit.visit_id
    assert told(resolve(world, register)) == booked("RegisterVisit", world, visit_id=visit)
    settle = world.settle_command(visit, person)
    world.run(settle)
    asked = resolve(world, settle, caller=TERMINAL)
    settlement = asked.settlement_id
    of_bill = {"settlement_id": settlement, "visit_id": visit}
    assert told(asked) == booked("SettleBill", world, **of_bill)
    assert record_of(world, settlement).request_id == settle.request.request_id
    refund = world.refund_command(settlement, AskedReturn(line_number=1))
    world.run(refund)
    asked = resolve(world, refund)
    assert told(asked) == booked("RefundSettlement", world, **of_bill, refund_id=asked.refund_id)
    assert asked.refund_id == record_of(world, settlement).refunds[0].refund_id
    reverse = world.reverse_command(settlement)
    world.run(reverse)
    asked = resolve(world, reverse)
    assert told(asked) == booked(
        "ReverseSettlement", world, **of_bill, reversal_id=asked.reversal_id
    )
    # The first answer is told, as a repeat gets it, also after the reversal.
    assert told(resolve(world, settle)) == booked("SettleBill", world, **of_bill)


def test_holds_and_corrections_are_told_too(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    hold = hold_command(world, visit, person)
    hold_id = HoldBillResponse.FromString(world.run(hold)).hold.hold_id
    assert told(resolve(world, hold)) == booked("HoldBill", world, hold_id=hold_id, visit_id=visit)
    confirm = confirm_command(world, hold_id)
    world.run(confirm)
    settled = resolve(world, confirm)
    assert record_of(world, settled.settlement_id).former_place == hold_id
    other = hold_command(world, visit, person)
    release = release_command(world, HoldBillResponse.FromString(world.run(other)).hold.hold_id)
    world.run(release)
    assert resolve(world, release).hold_id == resolve(world, other).hold_id != hold_id
    (other_person,) = world.enrol()
    wrong = settle(world, other_person, ("A1", 900_000))
    request_id = new_id()
    answer = correct(world, wrong, charged_lines(("A1", 800_000)), request_id=request_id)
    asked = resolve(world, request_id)
    assert (asked.method, asked.settlement_id, asked.reversal_id) == (
        "CorrectSettlement",
        answer.settlement.settlement_id,
        answer.corrected.reversal_id,
    )


def test_lines_that_were_uploaded_are_told_as_booked(world: World) -> None:
    (person,) = world.enrol()
    request = world.request("UploadLines")
    world.run(UploadLines(request, world.register(person), "", (), Uploads()))
    # Answers of tests are no messages; whose request it was is kept beside.
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(tables.answer)
            .where(tables.answer.c.request_id == request.request_id)
            .values(response=b"")
        )
    assert told(resolve(world, request.request_id)) == booked("UploadLines", world)
    other = refusal_of(
        world, resolve_command(world, request.request_id, institution_id=OTHER_HOSPITAL)
    )
    assert other.reason is Reason.REQUEST_ID_REUSED


def test_a_request_that_was_not_booked_is_refused_when_it_comes(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    late = world.settle_command(visit, person)
    asking = resolve_command(world, late)
    answer = world.run(asking)
    assert told(resolve(world, late)) == {
        "state": REQUEST_STATE_NOT_BOOKED,
        "outcome_time": from_instant(NOW),
    }
    world.clock.now += 500 * DAY
    prune(world)
    for caller in (None, TERMINAL):
        asked = world.request("SettleBill", caller=caller, request_id=late.request.request_id)
        for worker in (world.work, world.new_worker()):
            (refused,) = worker(REGION, [late._replace(request=asked)])
            assert isinstance(refused, RuleError)
            assert (refused.reason, refused.metadata) == (
                Reason.REQUEST_FENCED,
                {"request_id": late.request.request_id},
            )
    other_method = world.visit_command(person, request_id=late.request.request_id)
    assert refusal_of(world, other_method).reason is Reason.REQUEST_FENCED
    # It is fenced since the first time, and whoever asks again gets what there is.
    assert resolve(world, late).outcome_time == from_instant(NOW)
    assert world.queries.standing_bills(REGION, visit) == []
    assert answer
    assert_books_are_right(world)


def test_a_repeat_of_the_question_gets_the_first_answer(world: World) -> None:
    (person,) = world.enrol()
    command = world.settle_command(world.register(person), person)
    asking = resolve_command(world, command)
    first = world.run(asking)
    assert refusal_of(world, command).reason is Reason.REQUEST_FENCED
    world.clock.now += DAY
    assert world.run(asking) == first


def test_a_refused_request_is_told_as_not_booked(world: World) -> None:
    (person,) = world.enrol()
    command = world.settle_command(new_id(), person)
    assert refusal_of(world, command).reason is Reason.VISIT_NOT_FOUND
    assert resolve(world, command).state == REQUEST_STATE_NOT_BOOKED
    assert refusal_of(world, command).reason is Reason.REQUEST_FENCED


@pytest.mark.parametrize("is_asked_first", [True, False])
def test_in_one_batch_what_comes_first_holds(world: World, is_asked_first: bool) -> None:
    (person,) = world.enrol()
    settle = world.settle_command(world.register(person), person)
    asking = resolve_command(world, settle)
    batch: list[Command] = [asking, settle] if is_asked_first else [settle, asking]
    outcomes = dict(zip(map(id, batch), world.work(REGION, batch), strict=True))
    outcome = resolve(world, settle)
    if is_asked_first:
        refused = outcomes[id(settle)]
        assert isinstance(refused, RuleError)
        assert refused.reason is Reason.REQUEST_FENCED
        assert outcome.state == REQUEST_STATE_NOT_BOOKED
    else:
        assert isinstance(outcomes[id(settle)], bytes)
        assert outcome.state == REQUEST_STATE_BOOKED


def test_of_anothers_request_nothing_is_told(world: World) -> None:
    (person,) = world.enrol()
    mine = world.settle_command(world.register(person), person)
    world.run(mine)
    credit = world.credit_command(person, 500)
    world.run(credit)
    fenced = world.settle_command(world.register(person), person)
    assert resolve(world, fenced).state == REQUEST_STATE_NOT_BOOKED
    for pruned in (False, True):
        if pruned:
            prune(world)
        for command in (mine, fenced):
            asking = resolve_command(world, command, institution_id=OTHER_HOSPITAL)
            assert refusal_of(world, asking).reason is Reason.REQUEST_ID_REUSED
        # Of an agency's too, which has no institution.
        assert refusal_of(world, resolve_command(world, credit)).reason is (
            Reason.REQUEST_ID_REUSED
        )
    # Nor is another's request kept from being carried out by who guesses its id.
    (patient,) = world.enrol()
    other = world.settle_command(
        world.register(patient, institution_id=OTHER_HOSPITAL),
        patient,
        institution_id=OTHER_HOSPITAL,
        request_id=fenced.request.request_id,
    )
    assert refusal_of(world, other).reason is Reason.REQUEST_ID_REUSED
    assert_books_are_right(world)


def test_what_was_booked_is_told_after_its_answer_is_gone(world: World) -> None:
    (person,) = world.enrol()
    register = world.visit_command(person)
    visit = RegisterVisitResponse.FromString(world.run(register)).visit.visit_id
    bill, world.clock.now = world.settle_command(visit, person), NOW + DAY
    world.run(bill)
    settlement = resolve(world, bill).settlement_id
    reverse = world.reverse_command(settlement)
    world.clock.now = NOW + 2 * DAY
    world.run(reverse)
    reversal = resolve(world, reverse).reversal_id
    world.clock.now = NOW + 400 * DAY
    prune(world)
    for command, method, time, made in (
        (register, "RegisterVisit", NOW, {}),
        (bill, "SettleBill", NOW + DAY, {"settlement_id": settlement}),
        (
            reverse,
            "ReverseSettlement",
            NOW + 2 * DAY,
            {"settlement_id": settlement, "reversal_id": reversal},
        ),
    ):
        expected = {**booked(method, world, **made), "outcome_time": from_instant(time)}
        assert told(resolve(world, command)) == expected


def test_answers_of_before_it_was_kept_whose_they_were_are_told_by_what_they_made(
    world: World,
) -> None:
    (person,) = world.enrol()
    command = world.settle_command(world.register(person), person)
    world.run(command)
    upload = world.request("UploadLines")
    world.run(UploadLines(upload, world.register(person), "", (), lambda _: b""))
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.answer).values(institution_id=None))
    assert resolve(world, command).state == REQUEST_STATE_BOOKED
    other = resolve_command(world, command, institution_id=OTHER_HOSPITAL)
    assert refusal_of(world, other).reason is Reason.REQUEST_ID_REUSED
    refusal = refusal_of(world, resolve_command(world, upload.request_id))
    assert (refusal.reason, refusal.metadata["method"]) == (
        Reason.REQUEST_OUTCOME_UNKNOWN,
        "UploadLines",
    )
    prune(world)
    assert resolve(world, command).settlement_id
    assert refusal_of(world, other).reason is Reason.REQUEST_OUTCOME_UNKNOWN


def test_an_agencys_request_is_not_fenced(world: World) -> None:
    (person,) = world.enrol()
    credit = world.credit_command(person, 500)
    assert resolve(world, credit).state == REQUEST_STATE_NOT_BOOKED
    assert refusal_of(world, credit).reason is Reason.REQUEST_ID_REUSED
    assert credit.request.caller.path == AGENCY


@pytest.mark.parametrize("seed", range(4))
def test_of_a_request_that_arrives_while_it_is_asked_for_one_thing_becomes(
    databases: Databases, seed: int
) -> None:
    world = World(databases.open("yibao_settlement"))
    persons = world.enrol(12)
    commands = [world.settle_command(world.register(each), each) for each in persons]
    questions = [resolve_command(world, each) for each in commands]

    def run(batch: list[Command], worker: Callable[..., list[object]]) -> list[object]:
        done = []
        for command in batch:
            while True:
                try:
                    done += worker(REGION, [command])
                except (TransientError, sa.exc.IntegrityError):
                    continue  # as the batcher does
                break
        return done

    ordered: list[list[Command]] = [list(commands), list(questions)]
    # From both ends, so that they meet on the way.
    ordered[seed % 2].reverse()
    with ThreadPoolExecutor(2) as threads:
        settled, asked = threads.map(run, ordered, [world.new_worker(), world.new_worker()])
    arrived = dict(zip(map(id, ordered[0]), settled, strict=True))
    answers = dict(zip(map(id, ordered[1]), asked, strict=True))
    for command, question in zip(commands, questions, strict=True):
        answer, outcome = answers[id(question)], arrived[id(command)]
        assert isinstance(answer, bytes)
        state = ResolveRequestResponse.FromString(answer).outcome.state
        is_settled = isinstance(outcome, bytes)
        # Whoever was told that it is not booked may bill anew: then it must never be.
        assert is_settled == (state == REQUEST_STATE_BOOKED)
        assert len(world.queries.standing_bills(REGION, command.bill.visit_id)) == is_settled
        if isinstance(outcome, RuleError):
            assert outcome.reason is Reason.REQUEST_FENCED
    assert_books_are_right(world)


class HeldBack:
    """Transactions that wait, once all is written, until somebody lets them commit."""

    def __init__(self, world: World) -> None:
        self._inner = SettlementTransactions(world.database, ReferenceCache())
        self.is_written, self.may_commit = threading.Event(), threading.Event()

    @contextlib.contextmanager
    def begin(self, region: str, clock: Clock | None) -> Iterator[BatchTransaction]:
        with self._inner.begin(region, clock) as transaction:
            yield transaction
            self.is_written.set()
            assert self.may_commit.wait(30)


@pytest.mark.parametrize("is_asked_first", [True, False])
def test_of_two_that_are_under_way_at_once_the_one_that_wrote_first_holds(
    world: World, is_asked_first: bool
) -> None:
    (person,) = world.enrol()
    settle = world.settle_command(world.register(person), person)
    pair: list[Command] = [settle, resolve_command(world, settle)]
    first, second = reversed(pair) if is_asked_first else pair
    held = HeldBack(world)
    slow = BatchWork(held, clock=world.clock, ids=new_id)
    fast = world.new_worker()

    def run_second() -> bytes | RuleError:
        assert held.is_written.wait(30)
        # It waits for what is written, and is run again as the batcher does.
        threading.Timer(0.5, held.may_commit.set).start()
        while True:
            with contextlib.suppress(TransientError, sa.exc.IntegrityError):
                return fast(REGION, [second])[0]

    with ThreadPoolExecutor(2) as threads:
        slowly, quickly = threads.submit(slow, REGION, [first]), threads.submit(run_second)
        outcomes = {id(first): slowly.result()[0], id(second): quickly.result()}
    answer, arrived = outcomes[id(pair[1])], outcomes[id(settle)]
    assert isinstance(answer, bytes)
    state = ResolveRequestResponse.FromString(answer).outcome.state
    assert state == (REQUEST_STATE_NOT_BOOKED if is_asked_first else REQUEST_STATE_BOOKED)
    if is_asked_first:
        assert isinstance(arrived, RuleError)
        assert arrived.reason is Reason.REQUEST_FENCED
    else:
        assert isinstance(arrived, bytes)
    assert_books_are_right(world)
