"""Months are declared while bills are settled, by clocks that are behind: each act is once."""

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from support.benefit_world import admit, benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases, PostgresDatabases
from support.declared_months.desk import Desk
from support.delayed import NEXT_DAY, Waiting, lagging_worker
from support.periods import JANUARY
from support.refusals import reason_of
from support.settlement_world import AGENCY, HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.declaration.order import ProposeDeduction
from yibao_settlement.rules.declaration.month import MonthOf, MonthSums
from yibao_settlement.rules.declaration.order import Deduction, DeductionType

NOTHING = MonthSums()
# All of November is told by now.
NEXT_HOUR = NEXT_DAY + dt.timedelta(hours=1)


def settle_commands(world: World, person: str, count: int = 1) -> list[Command]:
    visits = []
    for _ in range(count):
        visits.append(admit(world, person, TODAY))
        world.run(world.discharge_command(visits[-1]))
    return [world.settle_command(each, person, bill=world.bill(each)) for each in visits]


def told_sums(desk: Desk, month: int) -> tuple[MonthSums, dict[str, int]]:
    """Returns what the insurer tells of a month's stays."""
    told = {each.clearing_type: each for each in desk.reads.month(REGION, HOSPITAL, month).sums}
    return (told["21"].sums, dict(told["21"].funds)) if told else (NOTHING, {})


def declare(desk: Desk, month: int, by: tuple[MonthSums, dict[str, int]] | None = None) -> str:
    """Declares a month's stays, by the insurer's own sums of now; returns the declaration's id."""
    of = MonthOf(HOSPITAL, month, "390", "21")
    return desk.declare(of, *(by or told_sums(desk, month))).declaration_id


def settlements_in(desk: Desk, declaration_id: str) -> set[str]:
    acts = desk.reads.acts(REGION, declaration_id, institution_id=None, after=None, limit=500)
    return {each.settlement_id for each in acts}


def test_a_bill_that_is_on_its_way_is_in_the_month_before_it_is_declared(
    databases: Databases,
) -> None:
    world = benefit_world(databases)
    desk = Desk(world)
    (person,) = world.enrol()
    first, second = settle_commands(world, person, 2)
    world.run(first)
    begun, goes_on = threading.Event(), threading.Event()
    work = lagging_worker(world)
    world.clock.now = NEXT_HOUR
    with ThreadPoolExecutor(2) as pool:
        settling = pool.submit(work, REGION, [Waiting(second, begun, goes_on)])
        assert begun.wait(30)
        # By sums without it: they are compared only once it is there.
        declaring = pool.submit(declare, desk, 202611, by=told_sums(desk, 202611))
        with pytest.raises(TimeoutError):
            declaring.result(timeout=0.5)
        goes_on.set()
        (outcome,) = settling.result()
        assert isinstance(outcome, bytes)
        with pytest.raises(RuleError) as caught:
            declaring.result()
    assert caught.value.reason is Reason.DECLARATION_SUMS_DIFFER
    assert caught.value.metadata["act_count"] == "2"
    assert len(settlements_in(desk, declare(desk, 202611))) == 2
    assert_books_are_right(world)


def test_two_who_declare_a_month_at_once_declare_it_once(databases: Databases) -> None:
    world = benefit_world(databases)
    (person,) = world.enrol()
    (command,) = settle_commands(world, person)
    world.run(command)
    world.clock.now = NEXT_HOUR
    desks = [Desk(world) for _ in range(3)]
    together = threading.Barrier(len(desks))

    def at_once(desk: Desk) -> str:
        together.wait(30)
        return declare(desk, 202611)

    with ThreadPoolExecutor(len(desks)) as pool:
        made = [pool.submit(at_once, desk) for desk in desks]
        outcomes = [each.exception() or each.result() for each in made]
    refused = [each for each in outcomes if isinstance(each, RuleError)]
    assert [each.reason for each in refused] == [Reason.DECLARATION_EXISTS] * 2
    assert_books_are_right(world)


def test_two_who_pay_by_one_reference_or_the_same_month_at_once_pay_once(
    postgres_databases: PostgresDatabases,
) -> None:
    world = benefit_world(postgres_databases)
    people = world.enrol(2)
    for person in people:
        world.run(settle_commands(world, person)[0])
    world.clock.now = NEXT_HOUR
    desk = Desk(world)
    name = desk.accept(declare(desk, 202611)).declaration_id
    together = threading.Barrier(2)

    def propose(_: int) -> object:
        together.wait(30)
        return Desk(world).propose_payment(name)

    def report(told: object) -> object:
        together.wait(30)
        return Desk(world).report(told, "ICBC-7")  # type: ignore[arg-type]

    def outcomes(act: object, of: list[object]) -> list[object]:
        with ThreadPoolExecutor(2) as pool:
            done: list[Future[object]] = [pool.submit(act, each) for each in of]  # type: ignore[arg-type]
            return [each.exception() or each.result() for each in done]

    proposed = outcomes(propose, [1, 2])
    (refusal,) = [each for each in proposed if isinstance(each, RuleError)]
    assert refusal.reason is Reason.DECLARATION_STATE
    (payment,) = [each for each in proposed if not isinstance(each, RuleError)]
    confirmed = desk.confirm_payment(payment)  # type: ignore[arg-type]
    first, second = outcomes(report, [confirmed, confirmed])
    assert first == second
    assert reason_of(lambda: desk.declare(MonthOf(HOSPITAL, 202611, "390", "21"), NOTHING, {})) is (
        Reason.DECLARATION_EXISTS
    )
    assert_books_are_right(world)


def test_two_who_deduct_for_a_bill_with_two_months_at_once_deduct_what_funds_pay(
    postgres_databases: PostgresDatabases,
) -> None:
    world = benefit_world(postgres_databases)
    desk = Desk(world)
    names, bills = [], []
    for now, month in ((NEXT_HOUR, 202611), (JANUARY, 202612)):
        for person in world.enrol(2):
            told = SettleBillResponse.FromString(world.run(settle_commands(world, person)[0]))
            bills.append(told.settlement)
        world.clock.now = now
        names.append(desk.accept(declare(desk, month)).declaration_id)
    begun, goes_on = threading.Event(), threading.Event()
    bill = bills[0]

    def propose(name: str, encode: Callable[[Deduction], bytes]) -> bytes:
        request = world.request("ProposeDeduction", caller=AGENCY)
        of = DeductionType.AUDIT, "390100", bill.fund_total_fen, bill.settlement_id, None
        command = ProposeDeduction(request, name, *of, reason="price above the ceiling")
        return desk.orders.propose_deduction(command, encode)

    def slowly(_: Deduction) -> bytes:
        begun.set()
        assert goes_on.wait(30)
        return b"first"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(propose, names[0], slowly)
        assert begun.wait(30)
        second = pool.submit(propose, names[1], lambda _: b"second")
        with pytest.raises(TimeoutError):
            second.result(timeout=0.5)
        goes_on.set()
        assert first.result() == b"first"
        assert reason_of(second.result) is Reason.DEDUCTION_SETTLEMENT


@pytest.mark.long
def test_months_declared_while_others_settle_have_every_act_once(
    postgres_databases: PostgresDatabases,
) -> None:
    world = benefit_world(postgres_databases)
    shares = [
        [command for each in world.enrol(3) for command in settle_commands(world, each, 4)]
        for _ in range(3)
    ]
    world.clock.now = NEXT_HOUR
    desk = Desk(world)
    at_work, is_declared = threading.Barrier(len(shares) + 1), threading.Event()

    def settle_all(commands: list[Command]) -> None:
        work = lagging_worker(world)
        for number, command in enumerate(commands):
            if number == 3:
                at_work.wait(30)
            if command is commands[-1]:  # December has bills, however slow who declares is.
                assert is_declared.wait(120)
            while True:
                try:
                    (outcome,) = work(REGION, [command])
                except TransientError:
                    continue  # as the batcher does
                assert isinstance(outcome, bytes), outcome
                break

    def declare_until_it_is(month: int) -> str:
        for _ in range(600):
            try:
                return declare(desk, month)
            except RuleError as refusal:
                if refusal.reason is not Reason.DECLARATION_SUMS_DIFFER:
                    raise
        raise AssertionError("its sums never became those of ever")

    with ThreadPoolExecutor(len(shares)) as pool:
        settling = [pool.submit(settle_all, each) for each in shares]
        at_work.wait(30)
        november = declare_until_it_is(202611)
        is_declared.set()
        for each in settling:
            each.result()
    kept = settlements_in(desk, november)
    world.clock.now = JANUARY
    december = declare_until_it_is(202612)
    assert settlements_in(desk, november) == kept
    assert not kept & settlements_in(desk, december)
    both = kept | settlements_in(desk, december)
    assert len(both) == sum(map(len, shares))
    assert_books_are_right(world)


def test_a_process_whose_clock_is_behind_settles_in_no_declared_month(
    databases: Databases,
) -> None:
    world = benefit_world(databases)
    desk = Desk(world)
    (person,) = world.enrol()
    first, second = settle_commands(world, person, 2)
    world.run(first)
    world.clock.now = NEXT_HOUR
    november = declare(desk, 202611)
    (outcome,) = lagging_worker(world)(REGION, [second])
    assert isinstance(outcome, bytes)
    world.clock.now = JANUARY
    december = declare(desk, 202612)
    assert not settlements_in(desk, november) & settlements_in(desk, december)
    assert len(settlements_in(desk, december)) == 1
    assert_books_are_right(world)
