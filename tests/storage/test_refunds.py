"""Lines of a settled bill are returned: what is left is decided anew (T-28, R1, R3, R5 to R7)."""

import datetime as dt
import random
from decimal import Decimal

import pytest
import sqlalchemy as sa
from support.benefit_world import at, benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases, as_owner
from support.refunds import Charged, entries, record_of, refused, settle, tried, yuan
from support.settlement_world import HOSPITAL, REGION, World

from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.ledger_check.check import check_ledger
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables

# A policy of which the pool pays 60 % of everything, so that a hand can check it.
SIXTY = """\
format: yibao-policy/2
policy_id: sixty
title: Sixty per cent
title_zh: 六成
region: "{region}"
insurance_type: "390"
start_date: 2014-01-01
sources:
  page: {{title: 某文件, url: "https://example.cn/1"}}
care_groups:
  all: ["*"]
steps:
  - classify:
      id: S1
      title: Classes
      title_zh: 目录类别
      rows:
        - shares: {{"01": 0, "02": 100_000, "03": own_cost}}
  - tiers:
      id: P1
      title: Pool
      title_zh: 统筹基金
      base: [eligible]
      fund_type: "390100"
      window: year
      rows:
        - brackets:
            - {{over_fen: 0, ratio_ppm: 600_000}}
"""


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, with deductibles and limits."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def balance(world: World, person: str) -> int:
    standing = world.queries.standing(REGION, person)
    return 0 if standing is None else standing.balance_fen


def test_r1_one_line_of_three_is_returned(databases: Databases) -> None:
    world = World(
        databases.open("yibao_settlement"), policy_file=SIXTY.format(region=REGION).encode()
    )
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", each) for each in ("99", "100", "101")])
    answer = world.refund(settlement_id, AskedReturn(2))
    back = answer.refund.amounts
    assert (back.fund_total_fen, back.cash_fen, back.account_fen) == (6_000, 4_000, 0)
    left = record_of(world, settlement_id)
    assert [line.amount_fen for line in left.lines] == [9_900, 0, 10_100]
    assert [line.eligible_fen for line in left.lines] == [9_900, 0, 10_100]
    assert (left.fund_total_fen, left.cash_fen) == (12_000, 8_000)
    assert {entry.account_id: entry.amount_fen for entry in answer.settlement.entries} == {
        "fund:390100": 6_000,
        f"payable:{HOSPITAL}": -6_000,
    }
    assert_books_are_right(world)


def test_r3_a_repeat_gets_the_same_bytes_and_what_is_gone_is_refused(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "4000"), yuan("B1", "3000")])
    request_id = new_id()
    first = world.run(world.refund_command(settlement_id, AskedReturn(2), request_id=request_id))
    again = world.run(world.refund_command(settlement_id, AskedReturn(2), request_id=request_id))
    assert again == first
    assert refused(world, settlement_id, AskedReturn(2)) is Reason.RETURN_EXCEEDS_LINE
    assert len(record_of(world, settlement_id).refunds) == 1


def test_a_repeat_after_its_answer_is_gone_returns_nothing_again(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "40", "100")])
    request_id = new_id()
    part = AskedReturn(1, quantity="10")
    world.refund(settlement_id, part, request_id=request_id)
    with as_owner(world.database) as connection:
        connection.execute(sa.delete(tables.answer))
    assert refused(world, settlement_id, part, request_id=request_id) is Reason.REQUEST_ID_REUSED


def test_r5_a_refund_is_of_its_own_day_and_leaves_what_was_posted(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "40000"), yuan("A1", "39000")])
    before = entries(world)
    at(world, dt.date(2026, 12, 15))
    answer = world.refund(settlement_id, AskedReturn(1), AskedReturn(2))
    after = entries(world)
    assert before.items() <= after.items()
    made = {key: fen for key, fen in after.items() if key not in before}
    assert {account: -fen for (_, account), fen in before.items()} == {
        account: fen for (_, account), fen in made.items()
    }
    assert answer.refund.refund_time.ToDatetime().date() == dt.date(2026, 12, 15)
    # What is left is nothing, and counts nothing.
    left = record_of(world, settlement_id)
    assert (left.total_fen, left.fund_total_fen, dict(left.effective.accumulations)) == (0, 0, {})
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    assert dict(standing.accumulators) == {}
    assert_books_are_right(world)


def test_r6_amounts_are_of_the_quantity_left(world: World) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "1.958333", "7"), yuan("C1", "100.05")])
    first = world.refund(settlement_id, AskedReturn(1, quantity="3"))
    assert [(line.quantity, line.amount_fen) for line in first.refund.lines] == [("3", 588)]
    second = world.refund(settlement_id, AskedReturn(1))
    assert [(line.quantity, line.amount_fen) for line in second.refund.lines] == [("4", 783)]
    told = first.settlement.lines[0]
    assert (told.amount_fen, told.returned_quantity, told.returned_fen) == (783, "3", 588)
    last = second.settlement.lines[0]
    assert (last.amount_fen, last.returned_quantity, last.returned_fen) == (0, "7", 1_371)
    assert refused(world, settlement_id, AskedReturn(1, quantity="0.0001")) is (
        Reason.RETURN_EXCEEDS_LINE
    )
    for refund in (first.refund, second.refund):
        back = refund.amounts
        parts = (back.fund_total_fen, back.other_total_fen, back.account_fen, back.cash_fen)
        assert sum(parts) == sum(line.amount_fen for line in refund.lines)


def test_r7_an_account_that_is_spent_since_gets_its_money_back(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 100_000))
    lines = [yuan("A1", "300"), yuan("A1", "400")]
    settlement_id = settle(world, person, lines, account_used=True)
    paid_fen = record_of(world, settlement_id).account_fen
    assert paid_fen
    settle(world, person, [yuan("A1", "1800"), yuan("C1", "999")], account_used=True)
    spent = balance(world, person)
    answer = world.refund(settlement_id, AskedReturn(1), AskedReturn(2))
    assert answer.refund.amounts.account_fen == paid_fen
    assert balance(world, person) == spent + paid_fen
    assert answer.settlement.account_balance_fen == spent + paid_fen
    assert_books_are_right(world)


def test_money_of_a_year_that_is_over_goes_back_to_earlier_years(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 50_000))
    settlement_id = settle(world, person, [yuan("A1", "300"), yuan("A1", "400")], account_used=True)
    at(world, dt.date(2027, 1, 20))
    world.run(world.credit_command(person, 1_000))
    before = world.queries.standing(REGION, person)
    answer = world.refund(settlement_id, AskedReturn(1))
    after = world.queries.standing(REGION, person)
    assert before is not None
    assert after is not None
    back = answer.refund.amounts.account_fen
    assert back > 0
    assert after.carried_fen == before.carried_fen + back
    assert answer.settlement.carried_balance_fen == after.carried_fen
    assert_books_are_right(world)


def test_what_exceeds_a_ceiling_is_of_the_quantity_left(world: World) -> None:
    (person,) = world.enrol()
    # The ceiling is 100.00; 33.333333 exceed it, of each of seven.
    settlement_id = settle(world, person, [yuan("B2", "133.333333", "7"), yuan("A1", "1")])
    assert record_of(world, settlement_id).over_limit_fen == 23_333
    world.refund(settlement_id, AskedReturn(1, quantity="2"))
    left = record_of(world, settlement_id)
    assert left.over_limit_fen == left.lines[0].over_limit_fen == 16_667
    assert_books_are_right(world)


def test_a_reversal_takes_back_what_is_left(world: World) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 100_000))
    lines = [yuan("A1", "4000"), yuan("B1", "9000")]
    settlement_id = settle(world, person, lines, account_used=True)
    world.refund(settlement_id, AskedReturn(1))
    world.reverse(settlement_id)
    sums: dict[str, int] = {}
    for (_, account_id), fen in entries(world).items():
        sums[account_id] = sums.get(account_id, 0) + fen
    assert {each: fen for each, fen in sums.items() if fen} == {
        f"person:{person}": 100_000,
        "source:allocation": -100_000,
    }
    assert refused(world, settlement_id, AskedReturn(2)) is Reason.SETTLEMENT_REVERSED


def anew(world: World, bills: dict[str, list[Charged]]) -> list[tuple[int, int, int]]:
    """Returns what bills with these lines cost somebody who never had other ones."""
    (person,) = world.enrol()
    found = []
    for lines in bills.values():
        if any(line.quantity for line in lines):
            record = record_of(world, settle(world, person, lines))
            found.append((record.fund_total_fen, record.deductible_fen, record.cash_fen))
        else:
            found.append((0, 0, 0))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_costs_what_it_would_have_cost_alone(world: World, seed: int) -> None:
    """Rule T-28: never a share, and whatever the path."""
    chance = random.Random(seed)  # which bills there are is no secret
    (person,) = world.enrol()
    bills: dict[str, list[Charged]] = {}
    for _ in range(14):
        if len(bills) > 1 and chance.random() < 0.5:
            settlement_id = chance.choice(sorted(bills))
            lines = bills[settlement_id]
            if chance.random() < 0.2:
                world.reverse(settlement_id)
                del bills[settlement_id]
                continue
            left = [at for at, line in enumerate(lines) if line.quantity]
            if not left:
                continue
            number = chance.choice(left)
            gone = chance.randrange(1, lines[number].quantity + 1)
            returned = AskedReturn(number + 1, quantity=f"{Decimal(gone) / 10**4:f}")
            amounts = tried(world, settlement_id, returned).refund.amounts
            sums = (amounts.fund_total_fen, amounts.other_total_fen, 0, amounts.cash_fen)
            world.refund(settlement_id, returned, expected=GivenBack(*sums))
            lines[number] = lines[number]._replace(quantity=lines[number].quantity - gone)
        else:
            lines = [
                Charged(item, chance.randrange(1, 9_000_000_000), chance.randrange(1, 30_000))
                for item in chance.choices(["A1", "B1", "B2", "C1"], k=3)
            ]
            bills[settle(world, person, lines)] = lines
    told = [record_of(world, each).effective for each in bills]
    assert [(each.fund_total_fen, each.deductible_fen, each.cash_fen) for each in told] == anew(
        world, bills
    )
    assert_books_are_right(world)


ALTERED = {
    "number": sa.update(tables.refund).values(number=7),
    "record": sa.update(tables.refund).values(record="{}"),
    "cash": sa.update(tables.refund).values(cash_fen=tables.refund.c.cash_fen + 1),
    "gone": sa.delete(tables.refund),
}


@pytest.mark.parametrize("what", ALTERED)
def test_the_ledger_checker_finds_an_altered_refund(world: World, what: str) -> None:
    (person,) = world.enrol()
    settlement_id = settle(world, person, [yuan("A1", "40", "100"), yuan("B1", "90", "100")])
    world.refund(settlement_id, AskedReturn(1, quantity="10"))
    assert_books_are_right(world)
    with as_owner(world.database) as connection:
        connection.execute(ALTERED[what])
    assert check_ledger(world.database).drifts
