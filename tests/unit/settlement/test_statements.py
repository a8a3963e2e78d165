"""What a statement says adds up, is as it was settled, and is told in short sentences."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.policies import FACTS, account, classify, deductible, line, policy_of, tiers
from support.real_bills import REAL_BILLS, RealBill
from support.statements import COPY, REVERSAL, SIGNED, statement_for

from yibao_common.values.errors import InvariantError
from yibao_common.values.money import yuan
from yibao_common.values.sheet import cells_of
from yibao_settlement.rules.care_type import CARE_TYPES
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import OwnCost, PricedLine
from yibao_settlement.rules.statement.capitals import in_capitals
from yibao_settlement.rules.statement.form import sheet_of
from yibao_settlement.rules.statement.labels import CARE_TYPES_ZH
from yibao_settlement.rules.statement.sentences import MOST_CHARACTERS
from yibao_settlement.rules.statement.statement import (
    NotCharged,
    Parts,
    Statement,
    check_identities,
)
from yibao_settlement.rules.statement.telling import sentences_of

ELIGIBLE = {"add": ["eligible"]}
# Sentences that are told of nothing being due.
OF_NOTHING = {"SUM1", "D3", "AC1", "REF1"}

each_bill = pytest.mark.parametrize("bill", REAL_BILLS.values(), ids=REAL_BILLS)


def policy_with_everything() -> Policy:
    """A deductible of the year, a pool with brackets and a limit, two funds behind, account."""
    return policy_of(
        classify(),
        deductible(120_000, basis="per_year", accumulator="deductible"),
        tiers(
            "P1",
            {"add": ["eligible"], "subtract": ["D1.paid"]},
            [(0, 300_000, 700_000), (300_000, 1_000_000, 800_000), (1_000_000, None, 850_000)],
            cap_fen=2_000_000,
            fund_type="310100",
        ),
        tiers("L1", {"add": ["P1.overflow"]}, [(0, 3_000_000, 900_000)], fund_type="330100"),
        tiers("A1", {"add": ["P1.copay"]}, [(0, None, 500_000)], fund_type="610100"),
        account(),
    )


EVERYTHING = policy_with_everything()
lines = st.lists(
    st.builds(
        lambda amount, kind, over: (amount, kind, amount * over // 100),
        st.integers(0, 4_000_000),
        st.sampled_from(["01", "02", "03"]),
        st.integers(0, 100),
    ),
    min_size=1,
    max_size=6,
)


def priced(drawn: list[tuple[int, str, int]]) -> list[PricedLine]:
    return [
        line(amount, kind, number=number, over_limit_fen=over)
        for number, (amount, kind, over) in enumerate(drawn, 1)
    ]


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    year = {
        "deductible": draw(st.integers(0, 120_000)),
        "fund.310100": draw(st.integers(0, 2_000_000)),
    }
    return statement_for(
        EVERYTHING,
        *priced(draw(lines)),
        facts=replace(FACTS, entitlement_groups=("2305",)),
        year=year,
        balance_fen=draw(st.none() | st.integers(0, 3_000_000)),
        reversal=draw(st.sampled_from([None, REVERSAL])),
    )


def figures(statement: Statement) -> set[str]:
    """Returns every amount that stands in a cell of the sheet or of the list behind it."""
    sheet = sheet_of(statement, SIGNED)
    cells = cells_of((*sheet.front, *sheet.list_pages))
    return {figure for cell in cells for figure in re.findall(r"\d+\.\d\d(?!\d|%)", cell)}


def check_sentences(statement: Statement) -> None:
    told = sentences_of(statement)
    sheet = figures(statement)
    for sentence in told:
        assert len(sentence.zh) <= MOST_CHARACTERS, sentence.zh
        assert "{" not in sentence.zh + sentence.en
        assert {yuan(each) for each in sentence.amounts_fen} <= sheet, sentence
        for amount in sentence.amounts_fen:
            assert yuan(amount) in sentence.zh
            assert yuan(amount) in sentence.en
        if sentence.sentence_id not in OF_NOTHING:
            assert 0 not in sentence.amounts_fen or sentence.sentence_id == "R2", sentence
    (first,) = (each for each in told if each.sentence_id == "SUM1")
    total, funds, own = first.amounts_fen
    assert total == funds + own
    if statement.reversal is None:
        assert sum(each.pays_fen for each in told) == funds


@each_bill
def test_a_real_bill_prints_what_its_paper_prints(bill: RealBill) -> None:
    statement = bill.statement
    check_identities(statement)
    assert (
        statement.total_fen,
        statement.parts.eligible_fen,
        statement.deductible_fen,
        statement.fund_total_fen,
        statement.account_fen,
        statement.cash_fen,
    ) == bill[1:]


@each_bill
def test_a_real_bill_is_told_in_sentences_that_are_its_sheet(bill: RealBill) -> None:
    check_sentences(bill.statement)


def test_the_reason_for_a_real_stay_is_told() -> None:
    told = {each.sentence_id: each for each in sentences_of(REAL_BILLS["heilongjiang-2025"][0])}
    assert told["SUM1"].zh == "这次一共花费6283.79元，医保付了4324.53元，您自己付1959.26元。"
    assert told["R1"].zh == "起付线以上的4805.03元，按90%报销，医保付4324.53元，您付480.50元。"
    assert told["R1"].en == (
        "Of 4805.03 above the deductible, 90% is paid: 4324.53; you pay 480.50."
    )
    # The ratio is not what was paid of the whole bill.
    assert told["SUM3"].zh == "按全部费用算，医保实际付了68.82%。"


def test_a_met_deductible_is_told() -> None:
    told = [each.sentence_id for each in sentences_of(REAL_BILLS["beijing"][0])]
    assert "D3" in told


@given(statement=statements())
def test_identities_hold_for_every_bill(statement: Statement) -> None:
    check_identities(statement)
    assert statement.inside_list_fen + statement.outside_list_fen == (
        statement.account_fen + statement.cash_fen
    )
    assert min(statement.inside_list_fen, statement.outside_list_fen) >= 0
    for share in statement.shares:
        assert share.base_fen == share.paid_fen + share.left_fen
        assert share.left_fen >= 0


@given(statement=statements())
def test_sentences_of_every_bill_are_short_and_add_up(statement: Statement) -> None:
    check_sentences(statement)


@given(statement=statements())
def test_both_identities_and_the_capitals_stand_on_every_sheet(statement: Statement) -> None:
    sheet = sheet_of(statement, SIGNED)
    cells = cells_of(sheet.front)
    total, parts = yuan(statement.total_fen), statement.parts
    assert (
        f"{total} ＝ 统筹基金支付范围内 {yuan(parts.eligible_fen)} ＋ "
        f"乙类先行自付 {yuan(parts.first_self_pay_fen)} ＋ "
        f"超限价自付 {yuan(parts.over_limit_fen)} ＋ 自费 {yuan(parts.excluded_fen)}"
    ) in cells
    assert (
        f"{total} ＝ 基金 {yuan(statement.fund_total_fen)} ＋ "
        f"个人账户 {yuan(statement.account_fen)} ＋ 现金 {yuan(statement.cash_fen)}"
    ) in cells
    totals = (statement.fund_total_fen, statement.account_fen, statement.cash_fen)
    for amount in (*totals, statement.total_fen):
        assert in_capitals(amount) in cells
    # By the names of the paying region and in the order of its policy.
    funds = [cell for cell in cells if cell.startswith("#")]
    assert funds == [f"#{fund.name_zh}" for fund in statement.funds]


@pytest.mark.parametrize(
    "change",
    [
        {"cash_fen": 195_927},
        {"account_fen": -1, "cash_fen": 195_927},
        {"fund_total_fen": 432_452, "cash_fen": 195_927},
        {"parts": Parts(628_379, 540_504, 0, 0, 87_876)},
        {"parts": Parts(628_379, 540_503 + 87_876, 0, 0, 0)},
        {"deductible_fen": 60_001},
        {"items": ()},
        {"groups": ()},
        {"funds": ()},
    ],
)
def test_a_sheet_that_does_not_add_up_is_not_made(change: dict[str, object]) -> None:
    statement = replace(REAL_BILLS["heilongjiang-2025"].statement, **change)  # type: ignore[arg-type]
    with pytest.raises(InvariantError):
        check_identities(statement)


def test_this_time_stands_beside_the_year_before_and_what_is_next() -> None:
    year = {"deductible": 70_000, "fund.310100": 100_000}
    statement = statement_for(EVERYTHING, line(30_000), year=year)
    (paid,) = (each for each in statement.year if each.accumulator == "deductible")
    assert (paid.before, paid.this_time, paid.after) == (70_000, 30_000, 100_000)
    assert statement.next_bill is not None
    assert statement.next_bill.deductible_fen == 20_000
    (limit,) = statement.next_bill.limits
    assert (limit.limit_fen, limit.left_fen) == (2_000_000, 1_900_000)


def test_a_limit_that_is_used_up_is_told() -> None:
    statement = statement_for(EVERYTHING, line(500_000), year={"fund.310100": 1_999_999})
    told = {each.sentence_id: each.zh for each in sentences_of(statement)}
    assert told["NEXT3"] == "步骤P1本年已付满20000.00元，不再支付。"
    assert "NEXT2" not in told
    check_sentences(statement)


def test_a_fund_that_two_steps_draw_on_bears_its_own_name_in_the_year() -> None:
    half = [(0, None, 500_000)]
    policy = policy_of(
        classify(),
        tiers("P1", ELIGIBLE, half, fund_type="390100"),
        tiers("A1", {"add": ["P1.copay"]}, half, fund_type="610100"),
        tiers("A2", {"add": ["A1.copay"]}, half, fund_type="610100"),
    )
    named = {line.accumulator: line.name_zh for line in statement_for(policy, line(800)).year}
    assert named == {"fund.390100": "步骤P1", "fund.610100": "医疗救助基金"}


def test_many_items_of_a_kind_are_told_together() -> None:
    many = [line(100_00, "03", number=number) for number in range(1, 9)]
    told = sentences_of(statement_for(EVERYTHING, line(500_000, number=9), *many))
    (own,) = (each for each in told if each.sentence_id in ("C0", "C1"))
    assert own.zh == "共8项不在医保报销范围内，800.00元由您全部承担。"


def test_a_long_name_does_not_make_a_sentence_long() -> None:
    names = {"ITEM1": "注射用重组人" * 10}
    statement = statement_for(EVERYTHING, line(987_654_321, "02"), names=names)
    check_sentences(statement)


def test_a_reversed_settlement_says_so_and_asks_for_nothing() -> None:
    statement = statement_for(EVERYTHING, line(500_000), reversal=REVERSAL)
    told = [each.sentence_id for each in sentences_of(statement)]
    assert told == ["SUM1", "REF1"]
    assert sheet_of(statement, SIGNED).mark == "本结算已撤销"


def test_a_copy_is_masked_and_signed_by_nobody() -> None:
    statement = REAL_BILLS["beijing"].statement
    signed, copy = sheet_of(statement, SIGNED), sheet_of(statement, COPY)
    assert {SIGNED.person_name, SIGNED.certificate_number} <= set(cells_of(signed.front))
    assert {"*晓明", "110105********0021"} <= set(cells_of(copy.front))
    assert signed.signatures
    assert not copy.signatures


def test_codes_without_a_name_are_printed_as_they_are() -> None:
    facts = replace(FACTS, care_type="7777", person_class="99", institution_level="99")
    cells = cells_of(sheet_of(statement_for(EVERYTHING, line(100), facts=facts), SIGNED).front)
    assert "99" in cells


def test_what_the_visit_is_about_stands_on_the_sheet_where_it_was_told() -> None:
    statement = statement_for(EVERYTHING, line(100))
    told = cells_of(sheet_of(statement, SIGNED).front)
    assert {"2026-11-20　住院12天", "心血管内科", "原发性高血压"} <= set(told)
    care = statement.care._replace(end_date=None, department="", diagnoses=(), is_interim=True)
    sheet = sheet_of(replace(statement, care=care), SIGNED)
    assert len(cells_of(sheet.front)) == len(told) - 3
    assert sheet.title.endswith("中途结算单")


def test_lines_that_are_not_charged_or_own_cost_by_day_say_so() -> None:
    statement = statement_for(EVERYTHING, line(10_000))
    item = statement.items[0]._replace(own_cost=OwnCost.OUTSIDE_COVER)
    statement = replace(statement, items=(item,), not_charged=NotCharged(2, 1_234))
    cells = cells_of(sheet_of(statement, SIGNED).list_pages)
    assert "项目1（当日不享受待遇）" in cells
    assert "另有2项未计入本单，由医疗机构更正后另行结算" in cells
    assert "12.34" in cells


def test_what_a_fund_pays_outside_the_list_is_not_own_cost() -> None:
    whole = tiers("P1", {"add": ["total"]}, [(0, None, 900_000)], fund_type="340100")
    statement = statement_for(policy_of(classify(), whole), line(80_000, "03"), line(20_000))
    check_identities(statement)
    # 10 % of 1,000.00 is borne, of 800.00 outside the list.
    assert (statement.inside_list_fen, statement.outside_list_fen) == (0, 10_000)
    check_sentences(statement)


def test_every_care_type_of_the_national_list_has_a_name() -> None:
    assert CARE_TYPES.keys() == CARE_TYPES_ZH.keys()


def test_funds_are_named_in_the_language_of_the_sentence() -> None:
    pool = tiers("P1", {"add": ["eligible"]}, [(0, None, 700_000)])
    statement = statement_for(policy_of(classify(), pool), line(800))
    (told,) = (each for each in sentences_of(statement) if each.pays_fen and "支付" in each.zh)
    assert "步骤P1" in told.zh
    assert told.en.startswith("Step P1 pays 70%")
