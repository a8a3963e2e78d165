"""Amounts agree to the fen or are marked, and what one side lacks is shown."""

import dataclasses

import pytest

from yibao.settlement.v1 import settlement_pb2
from yibao_cli.demo.figures import Figure, StepTitle, compare, differing
from yibao_cli.regions import ExpectedPayment, ExpectedSplit

EXPECTED = ExpectedSplit(
    total_fen=1000,
    excluded_fen=0,
    over_limit_fen=0,
    first_self_pay_fen=0,
    eligible_fen=1000,
    deductible_fen=100,
    fund_payments=(ExpectedPayment("P1", "390100", 630),),
    fund_total_fen=630,
    personal_total_fen=370,
    account_fen=0,
    cash_fen=370,
)
TITLES = {"P1": StepTitle("Resident pool", "统筹基金")}


def settlement(**changes: int) -> settlement_pb2.Settlement:
    names = [field.name for field in dataclasses.fields(EXPECTED) if field.name != "fund_payments"]
    values = {name: getattr(EXPECTED, name) for name in names} | changes
    payment = settlement_pb2.FundPayment(step_id="P1", fund_type="390100", amount_fen=630)
    return settlement_pb2.Settlement(**values, fund_payments=[payment])


def test_a_settlement_as_published_differs_in_nothing() -> None:
    assert differing(compare(settlement(), EXPECTED, TITLES)) == []


@pytest.mark.parametrize("fen", [369, 371])
def test_one_fen_is_a_difference(fen: int) -> None:
    assert differing(compare(settlement(cash_fen=fen), EXPECTED, TITLES)) == ["of it cash"]


def test_every_published_amount_is_compared() -> None:
    figures = compare(settlement(), EXPECTED, TITLES)
    assert len(figures) == len(dataclasses.fields(EXPECTED)) - 1 + len(EXPECTED.fund_payments)


def test_a_payment_that_only_one_side_has_is_a_difference() -> None:
    ours = settlement()
    ours.fund_payments.add(step_id="A1", fund_type="610100", amount_fen=0)
    figures = compare(ours, dataclasses.replace(EXPECTED, fund_payments=()), TITLES)
    assert [figure for figure in figures if not figure.is_equal] == [
        Figure("Resident pool", "统筹基金", 630, None),
        Figure("Step A1", "", 0, None),
    ]


def test_a_published_payment_that_we_lack_is_a_difference() -> None:
    ours = settlement()
    del ours.fund_payments[:]
    assert differing(compare(ours, EXPECTED, TITLES)) == ["Resident pool"]


def test_amounts_bear_the_names_of_a_statement_of_settlement() -> None:
    names = [figure.name_zh for figure in compare(settlement(), EXPECTED, TITLES)]
    assert names == [
        *("医疗费总额", "全自费金额", "超限价自费费用", "先行自付金额", "符合政策范围金额"),
        *("实际支付起付线", "统筹基金", "基金支付总额", "个人负担总金额"),
        *("个人账户支出", "个人现金支出"),
    ]
