"""What the statement says of a bill by `yibao-policy/2`: how it came about, the year, the next."""

import datetime as dt

import pytest
from support.benefit_world import admit, at, benefit_world, stay_bill
from support.databases import Databases
from support.settlement_world import AGENCY, REGION, TODAY, World

from yibao_common.values.caller import parse_caller
from yibao_settlement.application.statement import find_statement
from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.statement.statement import Statement
from yibao_settlement.rules.statement.telling import sentences_of

DAY = dt.timedelta(days=1)


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
    assert [(each.limit_fen, each.left_fen) for each in next_bill.limits] == [
        (2_000_000, 2_000_000 - 411_667)
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
