"""A policy of `yibao-policy/2` in words: a sentence a row, in the order of the file."""

from pathlib import Path

import pytest
from support.benefit_doubts_text import CLEAR
from support.benefit_examples import FOLDERS, policy_in
from support.benefit_text import GOOD, load

from yibao_settlement.rules.benefit.steps import ClassifyStep, DeductibleStep, TiersStep
from yibao_settlement.rules.benefit.words.chinese import Chinese
from yibao_settlement.rules.benefit.words.english import English
from yibao_settlement.rules.benefit.words.tell import policy_in_words


def english(text: str) -> list[str]:
    return [each.text for each in policy_in_words(load(text), English())]


def chinese(text: str) -> list[str]:
    return [each.text for each in policy_in_words(load(text), Chinese())]


def test_a_plain_policy_is_told_in_english() -> None:
    assert english(CLEAR) == [
        "S1: class A first self-pay 0 %, class B first self-pay 3 %, class C own cost.",
        "D1: per stay the first 1,000.00 of the eligible fee, in order.",
        "P1: fund 310100 pays of the rest of D1, along the year, on top of what D1 paid: "
        "80 % to 10,000.00; 90 % from 10,000.00 to 50,000.00.",
        "L1: fund 330100 pays of the overflow of P1, along the year: 70 %.",
        "pool: what P1 paid at most 30,000.00 a year.",
    ]


def test_a_plain_policy_is_told_in_chinese() -> None:
    assert chinese(CLEAR) == [
        "S1：甲类先行自付 0%，乙类先行自付 3%，丙类自费。",
        "D1：每次住院起付 1000 元，从 符合政策范围金额 依次扣除。",
        "P1：城镇职工基本医疗保险统筹基金（310100）对 D1 起付以上部分 每年累计分段"
        "（在 D1 支付额 之上起算）：0 元以上至 1 万元支付 80%；1 万元以上至 5 万元支付 90%。",
        "L1：大额医疗费用补助基金（330100）对 P1 超出部分 每年累计分段：0 元以上支付 70%。",
        "pool：每年 P1 支付额 不超过 3 万元。",
    ]


@pytest.mark.parametrize(
    ("told_in_english", "told_in_chinese"),
    [
        ("D1: age up to 59, count.stays 1: first self-pay share: ",
         "D1：年龄 59 及以下，第几次（stays） 1，"),
        (
            "the first 10 % of average wage, at least 0.01, at most 900.00 of the first",
            "先行自付 average_wage 的 10%（最低 0.01 元）（最高 900 元），从 先行自付金额（b）",
        ),
        ("D1: otherwise: ", "D1：其他情况，"),
        ("diseases with all of M1 and none of M2", "认定病种同时含 M1且不含 M2"),
        ("offsite local or referral", "异地就医类别 本地就医、转外就医"),
        ("above what D1 paid, on top of what D1 paid, by what is paid, rounded to 1.00",
         "（D1 支付额 以上起算）（在 D1 支付额 之上起算）（各段按支付额计）（取整到 1 元）"),
        ("50 % plus 0.1 % for each months_insured (from 0 % to 70 %) above 10,000.00",
         "1 万元以上支付 50%，连续参保月数每 1 加 0.1%（不低于 0%，不高于 70%）"),
        ("ratios times 90 %, then 10 points less", "支付比例乘以 90%，再降低 10 个百分点"),
        ("the treasury tops up the copayment of P1 (implant), the overflow of P1 to the due of "
         "the year, less what P1 paid, what K1 paid, rounded each bracket down to 0.10: 50 %",
         "财政对 P1 自付额（implant）、P1 超出部分 按每年应付额补足差额，已付 P1 支付额、K1 支付额 "
         "扣除（逐段向下取整到 0.10 元）：0 元以上支付 50%"),
        ("paid by others (999001) of the eligible fee", "他方已付（999001） 符合政策范围金额"),
        ("the account pays of the total (family, carried)",
         "个人账户支付 医疗费总额（家庭共济、历年账户）"),
        ("together without limit a year and disease", "合计不设限额"),
        ("together at most 600 % of average wage a year", "合计不超过 average_wage 的 600%"),
    ],
)  # fmt: skip
def test_every_construct_is_told(told_in_english: str, told_in_chinese: str) -> None:
    assert [text for text in english(GOOD) if told_in_english in text]
    assert [text for text in chinese(GOOD) if told_in_chinese in text]


def test_a_sentence_has_its_step_row_and_clause() -> None:
    first, second, *_ = [
        each for each in policy_in_words(load(GOOD), English()) if each.owner == "D1"
    ]
    assert (first.row, second.row) == (0, 1)
    assert first.clause == "某文件: 第三条 <https://example.cn/1>"
    assert second.clause == "某文件: 第二条 <https://example.cn/1>"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_row_of_an_example_is_one_sentence_in_both_languages(folder: Path) -> None:
    policy = policy_in(folder)
    rows: list[str] = []
    for step in policy.steps:
        if isinstance(step, ClassifyStep | DeductibleStep | TiersStep):
            rows += [step.id] * len(step.table.rows)
        else:
            rows.append(step.id)
        if isinstance(step, TiersStep):
            rows += [step.id] * sum(len(table.rows) for table in step.adjust)
    rows += [counter.name for counter in policy.counters for _ in counter.table.rows]
    for language, end in ((English(), "."), (Chinese(), "。")):
        told = list(policy_in_words(policy, language))
        assert [each.owner for each in told] == rows
        assert all(each.text.endswith(end) for each in told)
