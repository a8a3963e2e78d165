"""Bills by `yibao-policy/2`: decided, remembered, recorded and taken back, on both databases."""

import datetime as dt

import pytest
from support.benefit_world import (
    admit,
    amounts,
    at,
    benefit_world,
    explained,
    policy_text,
    put_policy,
    stay_bill,
    tried,
)
from support.charges import assert_books_are_right
from support.databases import Databases
from support.settlement_books import kept_years
from support.settlement_world import AGENCY, HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.find import find_explained
from yibao_settlement.rules.benefit.bill import Given

DAY = dt.timedelta(days=1)


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def kept(world: World, person: str) -> dict[str, int]:
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    return dict(standing.accumulators)


def test_a_bill_books_what_each_party_owes(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 10_000))
    visit = admit(world, person, TODAY)
    bill = world.bill(visit, account_used=True, given=(Given("630100", 40_000),))
    shown = tried(world, bill)
    settlement = world.settle(visit, person, bill=bill)

    assert amounts(shown) == amounts(settlement)
    # 9,000.00 class A and 1,000.00 class B less 10 %; 400.00 are paid already.
    assert (settlement.eligible_fen, settlement.first_self_pay_fen) == (990_000, 10_000)
    assert (settlement.deductible_fen, settlement.excluded_fen) == (100_000, 50_000)
    # 8,500.00: 5,000.00 at 33.3333 %, the rest at 70 %.
    assert settlement.fund_total_fen == 166_667 + 245_000
    others = {(each.step_id, each.payer): each.amount_fen for each in settlement.other_payments}
    # 4,383.33 are left, of which the hospital bears 1 %, and of the rest the treasury 2 %.
    assert others == {
        ("G1", "630100"): 40_000,
        ("H1", "hospital"): 4_383,
        ("T1", "treasury"): 8_679,
    }
    assert settlement.other_total_fen == sum(others.values())
    own = settlement.account_fen + settlement.cash_fen
    assert settlement.total_fen == settlement.fund_total_fen + settlement.other_total_fen + own
    assert {entry.account_id: entry.amount_fen for entry in settlement.entries} == {
        "fund:390100": -411_667,
        "bearer:treasury": -8_679,
        f"person:{person}": -10_000,
        f"payable:{HOSPITAL}": 411_667 + 8_679 + 10_000,
    }
    assert_books_are_right(world)


def test_what_others_paid_is_refused_where_no_step_takes_it(world: World) -> None:
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    for given, reason in (
        (Given("630200", 1), Reason.GIVEN_UNKNOWN),
        (Given("630100", 990_001), Reason.GIVEN_EXCEEDS_BASE),
    ):
        with pytest.raises(RuleError) as caught:
            world.settle(visit, person, bill=world.bill(visit, given=(given,)))
        assert caught.value.reason is reason
    assert_books_are_right(world)


def test_interim_bills_of_a_stay_come_to_what_one_bill_would(world: World) -> None:
    first, second = world.enrol(2)
    whole = admit(world, first, TODAY - 2 * DAY)
    once = world.settle(whole, first, bill=stay_bill(world, whole, TODAY, 120_001, 80_001, 999))
    parts = admit(world, second, TODAY - 2 * DAY)
    bills = [
        stay_bill(world, parts, TODAY - 2 * DAY, 120_001, is_interim=True),
        stay_bill(world, parts, TODAY - DAY, 80_001, is_interim=True),
    ]
    # The first two in one batch.
    answers = world.work(REGION, [world.settle_command(parts, second, bill=b) for b in bills])
    settled = [
        SettleBillResponse.FromString(answer).settlement
        for answer in answers
        if isinstance(answer, bytes)
    ]
    at(world, TODAY)
    world.run(world.discharge_command(parts))
    settled.append(world.settle(parts, second, bill=stay_bill(world, parts, TODAY, 999)))
    assert [each.deductible_fen for each in settled] == [100_000, 0, 0]
    assert sum(each.fund_total_fen for each in settled) == once.fund_total_fen
    assert kept(world, second)["390 year:2026 count.stays"] == 1
    assert_books_are_right(world)
    for each in settled:
        assert explained(world, each.settlement_id)


def test_the_second_stay_of_a_year_has_its_own_deductible(world: World) -> None:
    (person,) = world.enrol()
    for number, deductible in ((1, 100_000), (2, 50_000)):
        visit = admit(world, person, TODAY - DAY)
        bill = stay_bill(world, visit, TODAY, 300_000 + number)
        assert world.settle(visit, person, bill=bill).deductible_fen == deductible
    assert kept(world, person)["390 year:2026 count.stays"] == 2
    assert_books_are_right(world)


def test_a_transfer_in_time_goes_on_with_the_stay(databases: Databases) -> None:
    world = benefit_world(databases, stay="{joins_transfers_within_days: 1}")
    joined, apart = world.enrol(2)
    for person, gap, deductible in ((joined, DAY, 0), (apart, 2 * DAY, 50_000)):
        first = admit(world, person, TODAY - 5 * DAY)
        bill = stay_bill(world, first, TODAY - 4 * DAY, 300_000)
        assert world.settle(first, person, bill=bill).deductible_fen == 100_000
        second = admit(world, person, TODAY - 4 * DAY + gap, transfer_from_visit_id=first)
        bill = stay_bill(world, second, TODAY, 200_000)
        shown = tried(world, bill)
        settlement = world.settle(second, person, bill=bill)
        assert settlement.deductible_fen == deductible
        assert amounts(shown) == amounts(settlement)
        assert explained(world, settlement.settlement_id)
    assert_books_are_right(world)


@pytest.mark.parametrize(
    ("year", "years", "deductibles"),
    [
        ("{stay_over_new_year: discharge}", {2026, 2027}, [100_000, 0, 0]),
        ("{stay_over_new_year: admission}", {2026}, [100_000, 0, 0]),
        ("{stay_over_new_year: split}", {2026, 2027}, [100_000, 0, 0]),
        ("{stay_over_new_year: split, deductible: again}", {2026, 2027}, [100_000, 100_000, 0]),
    ],
)
def test_a_stay_over_new_year_is_of_the_years_that_the_policy_says(
    databases: Databases, year: str, years: set[int], deductibles: list[int]
) -> None:
    world = benefit_world(databases, year=year)
    (person,) = world.enrol()
    admission, new_year = dt.date(2026, 12, 20), dt.date(2027, 1, 1)
    at(world, admission)
    visit = admit(world, person, admission)
    settled = []
    at(world, new_year + 9 * DAY)
    for day, dates, is_interim in (
        (dt.date(2026, 12, 31), {}, True),
        (new_year + 4 * DAY, {1: dt.date(2026, 12, 31)}, True),
        (new_year + 9 * DAY, {}, False),
    ):
        if not is_interim:
            world.run(world.discharge_command(visit, end_date=day))
        bill = stay_bill(world, visit, day, 400_000, 300_001, dates=dates, is_interim=is_interim)
        shown = tried(world, bill)
        settlement = world.settle(visit, person, bill=bill)
        assert amounts(shown) == amounts(settlement)
        explained(world, settlement.settlement_id)
        settled.append(settlement)
    assert [each.deductible_fen for each in settled] == deductibles
    assert_books_are_right(world)
    stored = kept_years(world)
    for (_, number), row in stored.items():
        assert all(name.startswith(f"390 year:{number} ") for name in row)
    assert {number for (_, number), row in stored.items() if row} == years
    # Taken back in the opposite order, nothing is left; settled again, all is as it was.
    for settlement in reversed(settled):
        world.reverse(settlement.settlement_id)
    assert kept(world, person) == {}
    assert_books_are_right(world)


def test_a_bill_taken_back_and_settled_again_costs_the_same(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 500_000))
    visit = admit(world, person, TODAY - DAY)
    earlier = stay_bill(world, visit, TODAY - DAY, 333_333, is_interim=True)
    world.settle(visit, person, bill=earlier)
    before = kept(world, person)
    bill = stay_bill(world, visit, TODAY, 222_223, 1, account_used=True, is_interim=True)
    first = world.settle(visit, person, bill=bill)
    after = kept(world, person)
    world.reverse(first.settlement_id)
    assert kept(world, person) == before
    second = world.settle(visit, person, bill=bill)
    assert kept(world, person) == after
    assert amounts(second) == amounts(first)
    assert_books_are_right(world)


def test_the_first_bill_of_a_stay_is_taken_back_while_the_second_stands(world: World) -> None:
    (person,) = world.enrol()
    visit = admit(world, person, TODAY - DAY)
    first = world.settle(
        visit, person, bill=stay_bill(world, visit, TODAY - DAY, 333_333, is_interim=True)
    )
    second = world.settle(
        visit, person, bill=stay_bill(world, visit, TODAY, 222_223, is_interim=True)
    )
    world.reverse(first.settlement_id)
    assert_books_are_right(world)
    third = world.settle(
        visit, person, bill=stay_bill(world, visit, TODAY, 333_333, is_interim=True)
    )
    # It is the first stay of the year still, and its deductible is paid once: by the second bill.
    assert third.deductible_fen == 0
    now = world.queries.settlement(REGION, second.settlement_id)
    assert now is not None
    assert (second.deductible_fen, now.effective.deductible_fen) == (0, 100_000)
    assert kept(world, person)["390 year:2026 count.stays"] == 1
    world.reverse(second.settlement_id)
    world.reverse(third.settlement_id)
    assert kept(world, person) == {}
    assert_books_are_right(world)


def test_a_limit_of_a_day_holds_over_the_visits_of_the_day(world: World) -> None:
    (person,) = world.enrol()
    visits = [world.register(person, care_type="11", start_date=TODAY) for _ in range(2)]
    funds = []
    for visit in visits:
        bill = stay_bill(world, visit, TODAY, 2_005_000)
        shown = tried(world, bill)
        settlement = world.settle(visit, person, bill=bill)
        assert amounts(shown) == amounts(settlement)
        funds.append(settlement.fund_total_fen)
    # 20,000.00 of the 30,000.00 of the day, then 10,000.00; the next day all again.
    assert funds == [166_667 + 1_050_000, 700_000]
    at(world, TODAY + DAY)
    visit = world.register(person, care_type="11", start_date=TODAY + DAY)
    bill = stay_bill(world, visit, TODAY + DAY, 105_000)
    assert world.settle(visit, person, bill=bill).fund_total_fen == 70_000
    assert_books_are_right(world)


def test_a_repeat_gets_the_same_bytes(world: World) -> None:
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    command = world.settle_command(visit, person)
    first = world.run(command)
    assert world.run(command) == first
    assert world.new_worker()(REGION, [command])[0] == first
    assert_books_are_right(world)


def test_a_merge_carries_years_and_windows_over(world: World) -> None:
    retired, survivor = world.enrol(2)
    settled = {}
    for person in (retired, survivor):
        visit = world.register(person, care_type="11", start_date=TODAY)
        settled[person] = world.settle(
            visit, person, bill=stay_bill(world, visit, TODAY, 1_005_000)
        )
    world.feed(world.insured(retired, merged_into=survivor), world.insured(survivor))
    assert_books_are_right(world)
    visit = world.register(survivor, care_type="11", start_date=TODAY)
    last = world.settle(visit, survivor, bill=stay_bill(world, visit, TODAY, 2_005_000))
    # 10,000.00 of the day are left, all in the second bracket. Each of both had been paid half
    # a fen too much, until they were decided as one person's.
    assert last.fund_total_fen == 700_000
    assert_books_are_right(world)
    for settlement in (last, settled[retired], settled[survivor]):
        world.reverse(settlement.settlement_id)
    assert kept(world, survivor) == {}
    assert_books_are_right(world)


def test_bills_of_earlier_days_are_settled_and_explained_by_the_first_format(
    databases: Databases,
) -> None:
    world = World(databases.open("yibao_settlement"))
    (person,) = world.enrol()
    visit = admit(world, person, TODAY - 3 * DAY)
    by_first = world.settle(
        visit, person, bill=stay_bill(world, visit, TODAY - 2 * DAY, 300_000, is_interim=True)
    )
    put_policy(world, policy_text(start=(TODAY - DAY).isoformat()))
    by_second = world.settle(
        visit, person, bill=stay_bill(world, visit, TODAY, 300_000, is_interim=True)
    )
    late = world.settle(
        visit, person, bill=stay_bill(world, visit, TODAY - 2 * DAY, 50_000, is_interim=True)
    )
    assert by_second.policy_version != by_first.policy_version == late.policy_version
    assert by_second.deductible_fen == 100_000
    later = policy_text(start=(TODAY + DAY).isoformat()).replace("limit: 2_000_000", "limit: 1")
    put_policy(world, later)
    for settlement in (by_first, by_second, late):
        assert explained_or_first(world, settlement.settlement_id)
    assert_books_are_right(world)
    for settlement in (by_second, by_first, late):
        world.reverse(settlement.settlement_id)
    assert kept(world, person) == {}
    assert_books_are_right(world)


def explained_or_first(world: World, settlement_id: str) -> bool:
    _, trace, _ = find_explained(world.queries, REGION, settlement_id, parse_caller(AGENCY))
    return len(trace) > 0
