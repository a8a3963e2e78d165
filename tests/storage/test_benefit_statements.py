"""What the statement says of a bill by `yibao-policy/2`: how it came about, the year, the next."""

import datetime as dt

import pytest
from support.benefit_world import admit, at, benefit_world, policy_text, stay_bill
from support.databases import Databases
from support.settlement_world import AGENCY, REGION, TODAY, World
from support.statements import SIGNED

from yibao_common.values.caller import parse_caller
from yibao_common.values.sheet import cells_of
from yibao_settlement.application.statement import find_statement
from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.statement.form import sheet_of
from yibao_settlement.rules.statement.statement import Statement
from yibao_settlement.rules.statement.telling import sentences_of

DAY = dt.timedelta(days=1)


# Further limits of the pool: of a stay, of a person's month with one institution, of a bill.
LIMITS = """\
  staying:
    title: Limit of the stay
    title_zh: 每次住院限额
    window: stay
    limits: [P1.paid]
    rows:
      - limit: 900_000
  monthly:
    title: Limit of the month
    title_zh: 每月限额
    window: month
    per: [institution]
    limits: [P1.paid]
    rows:
      - limit: 600_000
  single:
    title: Limit of the bill
    title_zh: 单次限额
    window: bill
    limits: [P1.paid]
    rows:
      - limit: 500_000
"""


def limits_of(statement: Statement) -> dict[str, tuple[bool, int, int]]:
    assert statement.next_bill is not None
    return {
        each.window: (each.is_running, each.limit_fen, each.left_fen)
        for each in statement.next_bill.limits
    }


def statement_of(world: World, settlement_id: str) -> Statement:
    return find_statement(world.queries, REGION, settlement_id, parse_caller(AGENCY))


@pytest.fixture
def world(databases: Databases) -> World:
    return benefit_world(databases)


def test_a_statement_tells_brackets_other_payers_the_year_and_the_next_bill(world: World) -> None:
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    bill = world.bill(visit, given=(Given("630100", 40_000),))
    statement = statement_of(world, world.settle(visit, person, bill=bill).settlement_id)
    # 8,500.00 above the deductible: the first bracket was rounded to a fen with the second.
    assert [
        (each.low_fen, each.base_fen, each.ratio_ppm, each.paid_fen) for each in statement.shares
    ] == [
        (0, 500_000, 333_333, 166_667),
        (500_000, 350_000, 700_000, 245_000),
    ]
    assert [(each.name_zh, each.amount_fen) for each in statement.others] == [
        ("医院减免金", 40_000),
        ("医疗机构承担", 4_383),
        ("财政支付", 8_679),
    ]
    assert [(each.name_zh, each.before, each.after) for each in statement.year] == [
        ("就诊（住院）次数", 0, 1),
        ("年度最高支付限额已用", 0, 411_667),
    ]
    next_bill = statement.next_bill
    assert next_bill is not None
    assert next_bill.deductible_fen == 50_000
    assert [
        (each.window, each.of_fee, each.limit_fen, each.left_fen) for each in next_bill.limits
    ] == [
        ("year", False, 2_000_000, 2_000_000 - 411_667),
        ("day", True, 3_000_000, 3_000_000 - 850_000),
    ]
    told = {each.sentence_id: each.zh for each in sentences_of(statement)}
    assert told["NEXT1"] == "本年下一次同类就医，起付线是500.00元。"
    assert told["OTH1"].endswith("元，不由您负担。")
    assert told["D1"] == "起付线以下的1000.00元先由您承担，医保从超过的部分开始付。"
    # What comes next is what the next bill shows.
    second = admit(world, person, TODAY)
    later = world.settle(second, person, bill=stay_bill(world, second, TODAY, 2_000_000))
    assert later.deductible_fen == next_bill.deductible_fen


def test_of_a_bill_over_new_year_the_later_year_is_told(databases: Databases) -> None:
    world = benefit_world(databases, year="{stay_over_new_year: split}")
    (person,) = world.enrol()
    admission, day = dt.date(2026, 12, 30), dt.date(2027, 1, 2)
    at(world, admission)
    visit = admit(world, person, admission)
    at(world, day)
    bill = stay_bill(
        world, visit, day, 600_000, 100_000, dates={1: dt.date(2026, 12, 31)}, is_interim=True
    )
    settlement = world.settle(visit, person, bill=bill)
    statement = statement_of(world, settlement.settlement_id)
    assert sum(each.paid_fen for each in statement.shares) == settlement.fund_total_fen
    assert sum(each.paid_fen for each in statement.deductibles) == 100_000
    # One stay in either year; of the limit only what the new year's lines used.
    assert [(each.name_zh, each.this_time) for each in statement.year] == [
        ("就诊（住院）次数", 1),
        ("年度最高支付限额已用", 33_333),
    ]
    assert statement.benefit_year == 2027
    assert statement.next_bill is not None
    assert statement.next_bill.limits[0].left_fen == 2_000_000 - 33_333


def test_a_stay_of_the_year_of_its_admission_says_nothing_of_the_next_year(
    databases: Databases,
) -> None:
    world = benefit_world(databases, year="{stay_over_new_year: admission}")
    (person,) = world.enrol()
    admission, day = dt.date(2026, 12, 30), dt.date(2027, 1, 2)
    at(world, admission)
    visit = admit(world, person, admission)
    at(world, day)
    settlement = world.settle(
        visit, person, bill=stay_bill(world, visit, day, 600_000, is_interim=True)
    )
    statement = statement_of(world, settlement.settlement_id)
    assert statement.next_bill is None
    assert (statement.benefit_year, statement.year[0].this_time) == (2026, 1)


def test_limits_of_a_stay_a_month_and_a_bill_are_told(databases: Databases) -> None:
    world = benefit_world(databases, text=policy_text() + LIMITS)
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    settled = world.settle(visit, person, bill=stay_bill(world, visit, TODAY, 700_000))
    statement, paid = statement_of(world, settled.settlement_id), settled.fund_total_fen
    assert paid == 236_667
    # The stay is over: the next one has all of its own.
    assert limits_of(statement) == {
        "year": (True, 2_000_000, 2_000_000 - paid),
        "stay": (False, 900_000, 900_000),
        "month": (True, 600_000, 600_000 - paid),
        "bill": (False, 500_000, 500_000),
        "day": (True, 3_000_000, 2_400_000),
    }
    told = [each.zh for each in sentences_of(statement)]
    assert told[-4:] == [
        "统筹基金本年最多付20000.00元，还可以付17633.33元。",
        "统筹基金每次住院最多付9000.00元。",
        "统筹基金本月同一医疗机构最多付6000.00元，还可以付3633.33元。",
        "统筹基金每次结算最多付5000.00元。",
    ]
    assert sentences_of(statement)[-2].en == (
        "Pool pays at most 6000.00 this month for the same institution; 3633.33 is left."
    )
    cells = cells_of(sheet_of(statement, SIGNED).front)
    assert {"统筹基金（本月同一医疗机构最高支付）", "统筹基金（当日费用限额）"} <= set(cells)
    # What was left of the month is what the next bill finds.
    second = admit(world, person, TODAY)
    later = world.settle(second, person, bill=stay_bill(world, second, TODAY, 1_900_000))
    assert later.fund_total_fen == 600_000 - paid
    # Of a month that is used up nothing is left, whatever the stay would allow.
    assert limits_of(statement_of(world, later.settlement_id))["month"] == (True, 600_000, 0)


def test_an_interim_bill_tells_what_its_stay_has_left(databases: Databases) -> None:
    world = benefit_world(databases, text=policy_text() + LIMITS)
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    first = stay_bill(world, visit, TODAY, 60_000, is_interim=True)
    statement = statement_of(world, world.settle(visit, person, bill=first).settlement_id)
    assert statement.next_bill is not None
    assert statement.next_bill.is_of_stay
    assert statement.next_bill.deductible_fen == 40_000
    told = {each.sentence_id: each.zh for each in sentences_of(statement)}
    assert told["NEXT4"] == "本次就医的下一次结算，起付线还差400.00元。"
    # Nothing was above the deductible, so nobody asked what the month had used.
    assert limits_of(statement) == {
        "year": (True, 2_000_000, 2_000_000),
        "stay": (True, 900_000, 900_000),
        "bill": (False, 500_000, 500_000),
    }
    second = stay_bill(world, visit, TODAY, 640_000, is_interim=True)
    settled = world.settle(visit, person, bill=second)
    assert settled.deductible_fen == 40_000
    statement = statement_of(world, settled.settlement_id)
    left_fen = 900_000 - settled.fund_total_fen
    assert limits_of(statement)["stay"] == (True, 900_000, left_fen)
    assert "统筹基金本次住院最多付9000.00元，还可以付" in "".join(
        each.zh for each in sentences_of(statement)
    )


def test_a_limit_that_earlier_bills_used_is_not_told_as_whole(databases: Databases) -> None:
    """A bill that has nothing to pay on does not ask what is left of a month."""
    world = benefit_world(databases, text=policy_text() + LIMITS)
    (person,) = world.enrol()
    visit = admit(world, person, TODAY)
    world.settle(visit, person, bill=stay_bill(world, visit, TODAY, 700_000))
    second = admit(world, person, TODAY)
    settled = world.settle(second, person, bill=stay_bill(world, second, TODAY, 10_000))
    assert settled.fund_total_fen == 0
    assert limits_of(statement_of(world, settled.settlement_id)) == {
        "year": (True, 2_000_000, 2_000_000 - 236_667),
        "stay": (False, 900_000, 900_000),
        "bill": (False, 500_000, 500_000),
    }
