"""Bills that get the terms of their days by now: simulated, confirmed by another, booked."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, benefit_world, policy_text, put_policy, stay_bill
from support.charges import assert_books_are_right
from support.crashing import POINTS, CrashingTransactions
from support.databases import Databases
from support.repricings import (
    carry_on,
    confirm,
    now,
    persons,
    propose,
    reprice,
    repricings,
    withdraw,
)
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1 import repricing_pb2 as pb
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.repricing.steps import steps_of
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.repricing import PersonState, RepricedPeriod, Scope
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache

# A policy of the same days by which the first deductible of the year is half.
BETTER = policy_text(start="2026-01-01").replace("amount: 100_000", "amount: 50_000")
SOME_FEN = 900_000


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def record_of(world: World, settlement_id: str) -> SettlementRecord:
    found = world.queries.settlement(REGION, settlement_id)
    assert found is not None
    return found


def settle(
    world: World, person: str, fen: int = SOME_FEN, institution: str = HOSPITAL
) -> SettlementRecord:
    visit = world.register(person, start_date=TODAY, institution_id=institution)
    bill = stay_bill(world, visit, TODAY, fen)
    settled = world.settle(visit, person, bill=bill, institution_id=institution)
    return record_of(world, settled.settlement_id)


def test_a_policy_changed_backwards_moves_bills_once_two_operators_said_so(world: World) -> None:
    (person,) = world.enrol()
    first, second = settle(world, person), settle(world, person, institution=OTHER_HOSPITAL)
    put_policy(world, BETTER)
    # Nothing moves by itself.
    assert record_of(world, first.settlement_id).adjustment is None
    proposed = propose(world, first.settlement_id)
    assert (proposed.state, proposed.waiting_count) == (pb.REPRICING_STATE_SIMULATING, 1)
    carry_on(world)
    simulated = now(world, proposed.repricing_id)
    assert simulated.state == pb.REPRICING_STATE_SIMULATED
    assert simulated.fund_change_fen > 0
    assert record_of(world, first.settlement_id).adjustment is None
    confirmed = confirm(world, proposed.repricing_id)
    assert confirmed.state == pb.REPRICING_STATE_CARRYING_OUT
    carry_on(world)
    done = now(world, proposed.repricing_id)
    assert (done.state, done.carried_out_count) == (pb.REPRICING_STATE_CARRIED_OUT, 1)
    assert done.fund_change_fen == simulated.fund_change_fen
    # It costs what the same bill costs somebody who is settled by the new policy.
    (other,) = world.enrol()
    by_new = settle(world, other)
    by_now = record_of(world, first.settlement_id)
    assert by_now.counter == first.counter
    assert by_now.effective.fund_payments == by_new.fund_payments
    assert by_now.effective.cash_fen == by_new.cash_fen
    assert by_now.adjustment is not None
    assert by_now.adjustment.cause is Cause.REPRICE
    assert by_now.adjustment.cause_id == proposed.repricing_id
    # The later bill stays on its own terms.
    assert record_of(world, second.settlement_id).in_effect.policy_version == first.policy_version
    assert_books_are_right(world)


def test_whole_stays_are_repriced_and_no_other_bill(world: World) -> None:
    (person,) = world.enrol()
    other = settle(world, person)
    visit = admit(world, person, TODAY)
    bills = [
        record_of(world, world.settle(visit, person, bill=each).settlement_id)
        for each in (
            stay_bill(world, visit, TODAY, SOME_FEN, is_interim=True),
            stay_bill(world, visit, TODAY, SOME_FEN + 100, bill_number="2", is_interim=True),
        )
    ]
    put_policy(world, BETTER)
    reprice(world, bills[1].settlement_id)
    by_now = [record_of(world, each.settlement_id) for each in (*bills, other)]
    assert [each.newest_terms is not None for each in by_now] == [True, True, False]
    assert_books_are_right(world)


@pytest.mark.parametrize("before", ["first", "second"])
def test_a_repriced_bill_finds_windows_that_it_never_asked_for(
    databases: Databases, before: str
) -> None:
    """A limit of the month that the policy of its day has by now, used up by an earlier bill."""
    if before == "first":
        world = World(databases.open("yibao_settlement"))
    else:
        # Without the limit of a day, no bill asks for anything of its month.
        world = benefit_world(databases, text=policy_text().partition("  daily:")[0])
    (person,) = world.enrol()
    first, second = settle(world, person), settle(world, person)
    monthly = """
  monthly:
    title: Limit of the month
    title_zh: 每月限额
    window: month
    limits: [P1.paid]
    rows:
      - limit: 300_000
"""
    put_policy(world, BETTER.rstrip() + monthly)
    reprice(world, first.settlement_id)
    reprice(world, second.settlement_id)
    (other,) = world.enrol()
    alone = [settle(world, other), settle(world, other)]
    by_now = [record_of(world, each.settlement_id) for each in (first, second)]
    assert [each.effective.fund_payments for each in by_now] == [
        each.fund_payments for each in alone
    ]
    assert alone[0].fund_total_fen > alone[1].fund_total_fen
    assert_books_are_right(world)
    # Back on nothing: what leaves is taken off the windows of its terms.
    for each in (first, second):
        world.reverse(each.settlement_id)
    assert_books_are_right(world)


def test_bills_of_a_period_are_repriced_person_by_person(world: World) -> None:
    persons_ = world.enrol(3)
    bills = [settle(world, each) for each in persons_]
    earlier = TODAY - dt.timedelta(days=40)
    put_policy(world, BETTER)
    of_period = Scope(period=RepricedPeriod("390", earlier, TODAY))
    proposed = propose(world, scope=of_period)
    assert (proposed.person_count, proposed.bill_count) == (3, 0)
    assert carry_on(world) == 3
    simulated = now(world, proposed.repricing_id)
    assert simulated.bill_count == 3
    told = persons(world, proposed.repricing_id, PersonState.SIMULATED)
    assert [each.person_id for each in told] == sorted(persons_)
    assert sum(each.sums.fund_change_fen for each in told) == simulated.fund_change_fen
    confirm(world, proposed.repricing_id)
    assert carry_on(world) == 3
    assert carry_on(world) == 0
    assert all(record_of(world, each.settlement_id).adjustment for each in bills)
    # Again, nothing is left to do: the bills are on these terms.
    again = reprice(world, scope=of_period)
    assert (again.unchanged_count, again.bill_count) == (3, 0)
    assert all(record_of(world, each.settlement_id).revision == 2 for each in bills)


def test_bills_of_other_days_and_types_are_none_of_a_period(world: World) -> None:
    (person,) = world.enrol()
    settle(world, person)
    for period in (
        RepricedPeriod("310", TODAY, TODAY),
        RepricedPeriod("390", TODAY - dt.timedelta(days=2), TODAY - dt.timedelta(days=1)),
    ):
        with pytest.raises(RuleError) as caught:
            propose(world, scope=Scope(period=period))
        assert caught.value.reason is Reason.NOTHING_TO_REPRICE


def test_two_operators_say_so_and_read_what_moves(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person)
    put_policy(world, BETTER)
    proposed = propose(world, bill.settlement_id)
    with pytest.raises(RuleError) as early:
        confirm(world, proposed.repricing_id)
    assert (early.value.reason, early.value.metadata) == (
        Reason.REPRICING_STATE,
        {"state": "PROPOSED"},
    )
    carry_on(world)
    simulated = now(world, proposed.repricing_id)
    read = (simulated.fund_change_fen, simulated.difference_fen)
    for other in ((read[0] + 1, read[1]), (read[0], read[1] + 1)):
        with pytest.raises(RuleError) as wrong:
            confirm(world, proposed.repricing_id, read=other)
        assert wrong.value.reason is Reason.REPRICING_STATE
    with pytest.raises(RuleError) as own:
        confirm(world, proposed.repricing_id, caller=proposed.maker)
    assert own.value.reason is Reason.SAME_MAKER_AND_CHECKER
    assert record_of(world, bill.settlement_id).newest_terms is None
    confirm(world, proposed.repricing_id)
    with pytest.raises(RuleError) as twice:
        confirm(world, proposed.repricing_id)
    assert twice.value.metadata == {"state": "CONFIRMED"}


def test_what_is_withdrawn_moves_nothing(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person)
    put_policy(world, BETTER)
    proposed = propose(world, bill.settlement_id)
    carry_on(world)
    assert withdraw(world, proposed.repricing_id).state == pb.REPRICING_STATE_WITHDRAWN
    assert carry_on(world) == 0
    for late in (withdraw, confirm):
        with pytest.raises(RuleError) as caught:
            late(world, proposed.repricing_id)
        assert caught.value.metadata == {"state": "WITHDRAWN"}
    assert record_of(world, bill.settlement_id).newest_terms is None


def test_where_somebody_settled_in_between_nothing_moves(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person)
    put_policy(world, BETTER)
    proposed = propose(world, bill.settlement_id)
    carry_on(world)
    visit = world.register(person, start_date=TODAY)
    later = world.settle(visit, person, bill=stay_bill(world, visit, TODAY, 20_000_000))
    confirm(world, proposed.repricing_id)
    carry_on(world)
    done = now(world, proposed.repricing_id)
    assert (done.state, done.changed_count) == (pb.REPRICING_STATE_CARRIED_OUT, 1)
    assert (done.bill_count, done.fund_change_fen) == (0, 0)
    assert record_of(world, bill.settlement_id).newest_terms is None
    assert record_of(world, later.settlement_id).adjustment is None
    # Proposed anew it moves both.
    assert reprice(world, bill.settlement_id).bill_count == 2
    assert_books_are_right(world)


def test_a_bill_that_left_meanwhile_is_passed_over(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person)
    put_policy(world, BETTER)
    proposed = propose(world, bill.settlement_id)
    carry_on(world)
    confirm(world, proposed.repricing_id)
    world.reverse(bill.settlement_id)
    carry_on(world)
    (refused,) = persons(world, proposed.repricing_id, PersonState.REFUSED)
    assert refused.reason == Reason.NOTHING_TO_REPRICE.name
    assert_books_are_right(world)


def test_a_bill_that_its_day_has_no_policy_for_stays(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person)
    with world.database.write() as connection:
        connection.execute(sa.update(tables.policy).values(end_date=TODAY - dt.timedelta(days=1)))
        connection.execute(sa.update(tables.reference_epoch).values(epoch=1_000))
    proposed = propose(world, bill.settlement_id)
    carry_on(world)
    (refused,) = persons(world, proposed.repricing_id)
    assert (refused.state, refused.reason) == (PersonState.REFUSED, Reason.POLICY_NOT_FOUND.name)
    assert now(world, proposed.repricing_id).refused_count == 1


def test_what_a_merge_ended_is_refused(world: World) -> None:
    kept, gone = world.enrol(2)
    bill = settle(world, gone)
    put_policy(world, BETTER)
    proposed = propose(world, bill.settlement_id)
    world.merge(gone, kept)
    carry_on(world)
    (refused,) = persons(world, proposed.repricing_id)
    assert refused.reason == Reason.PERSON_MERGED.name
    # Proposed anew, it is of the record that stays.
    assert reprice(world, bill.settlement_id).carried_out_count == 1
    (told,) = persons(world, world_repricings(world)[0])
    assert told.person_id == kept
    assert_books_are_right(world)


def world_repricings(world: World) -> list[str]:
    found = repricings(world).page(REGION, before=None, limit=10)
    return [each.repricing.repricing_id for each in found]


def test_repricings_are_listed_from_the_last_one_on(world: World) -> None:
    (person,) = world.enrol()
    bill = settle(world, person)
    ids = [propose(world, bill.settlement_id).repricing_id for _ in range(3)]
    assert world_repricings(world) == ids[::-1]
    page = repricings(world).page(REGION, before=ids[2], limit=1)
    assert [each.repricing.repricing_id for each in page] == [ids[1]]


@pytest.mark.parametrize("point", POINTS)
def test_a_process_that_ends_leaves_a_person_repriced_or_not(world: World, point: str) -> None:
    (person,) = world.enrol()
    bill = settle(world, person)
    put_policy(world, BETTER)
    proposed = propose(world, bill.settlement_id)
    carry_on(world)
    confirm(world, proposed.repricing_id)
    ((repricing, _),) = world.queries.open_repricings(REGION)
    (step,) = steps_of(world.queries, repricing, after=None, limit=9)
    transactions = SettlementTransactions(world.database, ReferenceCache())
    dying = BatchWork(
        CrashingTransactions(transactions, point, KeyboardInterrupt()),  # type: ignore[arg-type]
        clock=world.clock,
        ids=new_id,
    )
    with pytest.raises(KeyboardInterrupt):
        dying(REGION, [step])
    is_kept = point == "committed"
    by_now = record_of(world, bill.settlement_id)
    assert (by_now.newest_terms is not None, by_now.revision) == (is_kept, 2 if is_kept else 1)
    carry_on(world)
    assert record_of(world, bill.settlement_id).revision == 2
    assert now(world, proposed.repricing_id).carried_out_count == 1
    assert_books_are_right(world)


def test_steps_of_two_processes_are_taken_once(world: World) -> None:
    people = world.enrol(4)
    bills = [settle(world, each) for each in people]
    put_policy(world, BETTER)
    proposed = propose(world, *(each.settlement_id for each in bills))
    for go_on in (lambda: None, lambda: confirm(world, proposed.repricing_id)):
        go_on()
        ((repricing, _),) = world.queries.open_repricings(REGION)
        steps = steps_of(world.queries, repricing, after=None, limit=9)
        workers = [world.new_worker(), world.new_worker()]
        with ThreadPoolExecutor(2) as pool:
            done = [pool.submit(each, REGION, steps) for each in workers]
        assert [each.result() for each in done] == [[b""] * 4] * 2
    assert now(world, proposed.repricing_id).carried_out_count == 4
    assert {record_of(world, each.settlement_id).revision for each in bills} == {2}
    assert_books_are_right(world)
