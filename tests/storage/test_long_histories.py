"""Commands before many later bills of a person, and others' bills that do not wait for them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases
from support.holds import hold, release_command
from support.settlement_world import HOSPITAL, REGION, World
from support.tasks import Watched

from yibao.settlement.v1.refund_service_pb2 import TrialReversalResponse
from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementResponse
from yibao_common.commands.request import Outcome, Request
from yibao_common.db.batcher import Batcher, OwnBatchError
from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.settlement.reverse import ReverseSettlement
from yibao_settlement.servicer.refund.calls import reversal_tried
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache

WAIT = 60.0


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def work_of(world: World, most_later: int | None) -> BatchWork:
    transactions = SettlementTransactions(world.database, ReferenceCache(), most_later=most_later)
    return BatchWork(transactions, clock=world.clock, ids=new_id)


def bills(world: World, count: int) -> list[str]:
    """Settles bills of one person in one visit, and returns their settlements."""
    (person,) = world.enrol()
    visit = world.register(person)
    return [world.settle(visit, person, bill=world.bill(visit)).settlement_id for _ in range(count)]


def trial(settlement_id: str) -> ReverseSettlement:
    caller = parse_caller(f"institution/{HOSPITAL}")
    request = Request.trial(caller, method="TrialReversal", region=REGION)
    return ReverseSettlement(request, settlement_id, "", reversal_tried)


def test_one_later_bill_more_than_others_wait_for_asks_for_a_batch_of_its_own(world: World) -> None:
    settled = bills(world, 5)
    (person,) = world.enrol()
    work = work_of(world, 3)
    credit = world.credit_command(person, 100)
    outcomes = work(REGION, [credit, trial(settled[1])])
    assert [type(each) for each in outcomes] == [bytes, bytes]
    credit = world.credit_command(person, 200)
    tried: list[tuple[list[Command], set[int]]] = [
        ([credit, trial(settled[0])], {1}),
        # Both are of one person, whose bills are read once.
        ([world.reverse_command(settled[0]), credit, trial(settled[2])], {0, 2}),
    ]
    for commands, places in tried:
        with pytest.raises(OwnBatchError) as caught:
            work(REGION, commands)
        assert caught.value.places == places
    account = world.queries.standing(REGION, person)
    assert account is not None
    assert account.balance_fen == 100
    assert_books_are_right(world)


def long_bill(world: World, person: str, lines: int) -> str:
    visit = world.register(person)
    made = world.bill(visit)
    made = made._replace(
        lines=tuple([made.lines[2]._replace(line_number=at) for at in range(1, lines + 1)]),
        total_fen=lines * made.lines[2].amount_fen,
    )
    return world.settle(visit, person, bill=made).settlement_id


@pytest.mark.parametrize("is_behind", [True, False])
def test_a_bill_of_many_lines_counts_for_several(world: World, is_behind: bool) -> None:
    """Whether it leaves itself or is decided again behind one that does."""
    (person,) = world.enrol()
    first = long_bill(world, person, 1 if is_behind else 60)
    long_bill(world, person, 60 if is_behind else 1)
    # One bill behind, and three more for sixty lines.
    (outcome,) = work_of(world, 4)(REGION, [trial(first)])
    assert isinstance(outcome, bytes)
    with pytest.raises(OwnBatchError) as caught:
        work_of(world, 3)(REGION, [world.credit_command(person, 100), trial(first)])
    assert caught.value.places == {1}


def test_what_costs_the_most_of_a_batch_leaves_it_to_the_others(world: World) -> None:
    first = [bills(world, 2 + number % 2)[0] for number in range(5)]
    tried = [trial(each) for each in first]
    # Of five persons one, two, one, two and one bills are behind: seven of eight.
    assert all(isinstance(each, bytes) for each in work_of(world, 2)(REGION, tried))
    more = [*tried, trial(bills(world, 3)[0])]
    with pytest.raises(OwnBatchError) as caught:
        work_of(world, 2)(REGION, more)
    assert len(caught.value.places) == 1
    assert caught.value.places < {1, 3, 5}


class Gated:
    """The work of long commands, which is let go by the test."""

    def __init__(self, work: BatchWork) -> None:
        self._work = work
        self.begun, self.gate = threading.Event(), threading.Event()
        self.commands: list[Command] = []

    def __call__(self, region: str, commands: Sequence[Command]) -> list[Outcome[bytes]]:
        self.begun.set()
        assert self.gate.wait(WAIT)
        self.commands += commands
        return self._work(region, commands)


def run(
    world: World, gated: Gated, use: Callable[[Batcher[Command, bytes]], Awaitable[None]]
) -> None:
    async def main() -> None:
        batcher: Batcher[Command, bytes] = Batcher(
            work_of(world, 100),
            alone=gated,
            party_of=lambda command: command.request.caller.party,
            regions=(REGION,),
        )
        batcher.start(Watched().supervisor)
        try:
            await asyncio.wait_for(use(batcher), WAIT)
        finally:
            gated.gate.set()
            await batcher.close()

    asyncio.run(main())


@pytest.mark.long
def test_others_settle_while_a_person_of_150_bills_is_decided_again(world: World) -> None:
    settled = bills(world, 150)
    person_ids = world.enrol(3)
    visits = [(each, world.register(each)) for each in person_ids]
    gated = Gated(work_of(world, None))
    tried, reversed_ = trial(settled[10]), world.reverse_command(settled[20])
    short = world.reverse_command(settled[60])

    async def use(batcher: Batcher[Command, bytes]) -> None:
        long = [batcher.enqueue(REGION, each) for each in (tried, reversed_)]
        others = [
            batcher.enqueue(REGION, world.settle_command(visit, person)) for person, visit in visits
        ]
        # They are answered while the long ones have not begun to decide.
        await asyncio.gather(*others)
        assert gated.begun.wait(WAIT)
        assert not any(each.done() for each in long)
        assert await batcher.submit(REGION, short)
        assert gated.commands == []
        gated.gate.set()
        answers = await asyncio.gather(*long)
        assert TrialReversalResponse.FromString(answers[0]).amounts.fund_total_fen >= 0
        assert ReverseSettlementResponse.FromString(answers[1]).settlement.settlement_id

    run(world, gated, use)
    assert gated.commands == [tried, reversed_]
    assert_books_are_right(world)


@pytest.mark.long
def test_a_hold_before_many_bills_is_released_apart_and_ends_with_whoever_comes(
    world: World,
) -> None:
    for ends_itself in (False, True):
        (person,) = world.enrol()
        held = hold(world, world.register(person), person)
        visit = world.register(person)
        for _ in range(5):
            world.settle(visit, person, bill=world.bill(visit))
        work = work_of(world, 3)
        if ends_itself:
            world.clock.now = held.expire_time.ToDatetime(world.clock.now.tzinfo)
            (outcome,) = work(REGION, [world.credit_command(person, 1)])
            assert isinstance(outcome, bytes)
        else:
            with pytest.raises(OwnBatchError) as caught:
                work(REGION, [release_command(world, held.hold_id)])
            assert caught.value.places == {0}
    assert_books_are_right(world)
