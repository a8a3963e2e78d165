"""A statement tells what was returned of a bill and what it costs by now, and stays one page."""

import datetime as dt
import re
from dataclasses import replace

import pypdfium2  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.policies import classify, line, policy_of, tiers
from support.real_bills import REAL_BILLS, RealBill
from support.statements import REVERSAL, SIGNED, statement_for

from yibao_common.papers.page import html_of
from yibao_common.papers.pdf import pdf_of
from yibao_common.values.money import yuan
from yibao_common.values.sheet import cells_of
from yibao_settlement.rules.statement.form import sheet_of
from yibao_settlement.rules.statement.sentences import MOST_CHARACTERS, Sentence
from yibao_settlement.rules.statement.since import CostsNow, Returned, sentences_since
from yibao_settlement.rules.statement.statement import Statement
from yibao_settlement.rules.statement.telling import sentences_of

DAY = dt.date(2026, 11, 21)
# Seven million yuan, more than a bill of a person comes to.
amounts = st.integers(-700_000_000, 700_000_000)
parts = st.integers(0, 700_000_000)
RETURNED = Returned(DAY, 2, 123_456, 0, 20_000, 3_044)
NOW = CostsNow(1_520_000, 0, 100_000, 380_000, -40_000, 20_000)
BILL = statement_for(
    policy_of(classify(), tiers("P1", {"add": ["eligible"]}, [(0, None, 800_000)])),
    line(2_000_000),
)


def told(statement: Statement) -> dict[str, Sentence]:
    return {each.sentence_id: each for each in sentences_of(statement)}


@given(
    st.none() | st.builds(Returned, st.just(DAY), st.integers(1, 2_000), *[amounts] * 4),
    st.none() | st.builds(CostsNow, *[parts] * 4, amounts, parts),
)
def test_sentences_are_short_and_say_what_the_sheet_says(
    returned: Returned | None, now: CostsNow | None
) -> None:
    cells = cells_of(sheet_of(replace(BILL, returned=returned, costs_now=now), SIGNED).front)
    figures = {figure for cell in cells for figure in re.findall(r"\d+\.\d\d(?!\d|%)", cell)}
    for sentence in sentences_since(returned, now):
        assert len(sentence.zh) <= MOST_CHARACTERS, sentence.zh
        assert "{" not in sentence.zh + sentence.en
        for fen in sentence.amounts_fen:
            assert yuan(fen) in sentence.zh
            assert yuan(fen) in sentence.en
            assert yuan(abs(fen)) in figures


def test_a_bill_that_nothing_happened_to_tells_of_nothing() -> None:
    assert not {"RET1", "NOW0"} & told(BILL).keys()
    assert "CASH1" in told(BILL)
    assert "结算后的变动" not in cells_of(sheet_of(BILL, SIGNED).front)


def test_what_was_returned_is_told_and_nothing_is_asked_for_again() -> None:
    found = told(replace(BILL, returned=RETURNED))
    assert found["RET1"].zh == (
        "结算后退了2项费用，共1465.00元（最近一次2026-11-21），本单是退费后的结果。"
    )
    assert found["RET2"].zh == "退费退回医保1234.56元、个人账户200.00元、现金30.44元。"
    assert "CASH1" not in found


def test_a_part_that_rises_is_told_as_such() -> None:
    returned = Returned(DAY, 1, 50_000, 1_000, 0, -700)
    found = sentences_since(returned, None)
    assert [each.zh for each in found][1:] == [
        "退费退回医保500.00元。",
        "退费退回其他方10.00元。",
        "退费后现金要多付7.00元。",
    ]


@pytest.mark.parametrize(
    ("difference_fen", "sentence"),
    [
        (40_000, "这次您多付了400.00元，由医保经办机构与您结算，不在窗口退。"),
        (-40_000, "这次您少付了400.00元，由医保经办机构与您结算，医院不收。"),
    ],
)
def test_who_owes_whom_is_told(difference_fen: int, sentence: str) -> None:
    found = told(replace(BILL, costs_now=NOW._replace(difference_fen=difference_fen)))
    assert found["NOW1"].zh == (
        "本单按现在的情况应为：医保付15200.00元，账户1000.00元，现金3800.00元。"
    )
    assert sentence in {each.zh for each in found.values()}
    assert found["NOW4"].zh == "个人账户这次多付了200.00元，退回您的个人账户。"
    assert "CASH1" not in found


def test_a_reversed_bill_tells_what_had_been_returned_before() -> None:
    statement = statement_for(
        policy_of(classify(), tiers("P1", {"add": ["eligible"]}, [(0, None, 800_000)])),
        line(2_000_000),
        reversal=REVERSAL,
    )
    found = sentences_of(replace(statement, returned=RETURNED))
    assert [each.sentence_id for each in found] == ["SUM1", "RET1", "RET2", "REF1"]


@pytest.mark.parametrize("bill", REAL_BILLS.values(), ids=REAL_BILLS)
def test_the_sheet_stays_one_page_with_its_list_behind(bill: RealBill) -> None:
    statement = replace(bill.statement, returned=RETURNED, costs_now=NOW)
    sheet = sheet_of(statement, SIGNED)
    document = pypdfium2.PdfDocument(pdf_of(sheet, large=False))
    assert len(document) == 2
    front = re.sub(r"\s", "", document[0].get_textpage().get_text_range())
    page = html_of(sheet, large=False)
    for sentence in sentences_since(RETURNED, NOW):
        assert sentence.zh in front
        assert sentence.zh in page
    assert "经办机构应退您（应补为负数）" in front
