"""Credits of `yibao-credit/1`: read with every mistake told, and decided to the fen."""

import hashlib
from pathlib import Path

import pytest
import yaml
from support.benefit_examples import EXAMPLES, facts_of

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.files.benefit.credit import load_credit_policy
from yibao_settlement.rules.benefit.credit import MonthlyCredit, monthly_credits
from yibao_settlement.rules.benefit.facts import Facts

FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/credit.yaml"))
GOOD = """\
format: yibao-credit/1
sources:
  page: {title: 某文件}
credits:
  - id: C1
    title: Credit of employees
    title_zh: 单位缴费划入
    every: month
    cites: {source: page, clause: 第二条}
    base: {least_fen: 518_200, most_fen: 2_000_000}
    by: [person_class, age]
    rows:
      - when: {person_class: "1101", age: {to: 44}}
        ratio_ppm: 20_000
      - when: {person_class: "1101", age: {from: 45}}
        ratio_ppm: 25_000
        cites: {source: page, clause: 第三条}
      - when: {person_class: "12", age: any}
        amount_fen: 10_000
  - id: C2
    every: month
    rows:
      - {amount_fen: 300}
"""


def credited(facts: Facts, *, base_fen: int) -> list[int]:
    policy = load_credit_policy(GOOD.encode(), name="credit.yaml")
    return [each.amount_fen for each in monthly_credits(policy, facts, base_fen=base_fen)]


def faults_of(text: str) -> list[tuple[str, str]]:
    with pytest.raises(RuleError) as refusal:
        load_credit_policy(text.encode(), name="c.yaml")
    assert refusal.value.reason is Reason.POLICY_FILE_INVALID
    return [
        (fault.field.removeprefix("c.yaml:"), fault.message.partition("; known")[0])
        for fault in refusal.value.faults
    ]


def test_there_are_examples_of_credits() -> None:
    assert [folder.name for folder in FOLDERS] == ["N14", "WE-071", "WE-073"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_comes_out_to_the_fen(folder: Path) -> None:
    contents = (folder / "credit.yaml").read_bytes()
    policy = load_credit_policy(contents, name=folder.name)
    assert policy.version == hashlib.sha256(contents).hexdigest()
    for case in yaml.safe_load((folder / "bills.yaml").read_text(encoding="utf-8"))["credits"]:
        found = monthly_credits(policy, facts_of(case["facts"]), base_fen=case["base_fen"])
        assert sum(each.amount_fen for each in found) == case["expected"]


@pytest.mark.parametrize(
    ("base_fen", "credit_fen"),
    [
        (0, 10_364),
        (518_199, 10_364),
        (518_224, 10_364),
        (518_225, 10_365),
        (2_000_000, 40_000),
        (2_000_001, 40_000),
    ],
)
def test_a_share_is_of_the_bounded_base_half_up(base_fen: int, credit_fen: int) -> None:
    young = Facts(person_class="1101", age=44)
    assert credited(young, base_fen=base_fen) == [credit_fen, 300]


def test_the_row_of_the_person_decides() -> None:
    assert credited(Facts(person_class="1101", age=45), base_fen=1_000_000) == [25_000, 300]
    assert credited(Facts(person_class="12", age=70), base_fen=1_000_000) == [10_000, 300]


def test_a_credit_tells_its_row_and_the_base_that_counted() -> None:
    policy = load_credit_policy(GOOD.encode(), name="credit.yaml")
    first, _ = monthly_credits(policy, Facts(person_class="1101", age=45), base_fen=1)
    assert first == MonthlyCredit("C1", 1, 518_200, 12_955)
    assert [row.clause for row in policy.credits[0].table.rows[:2]] == [
        "某文件: 第二条",
        "某文件: 第三条",
    ]


def test_a_person_without_row_is_refused() -> None:
    with pytest.raises(RuleError, match="C1 has no row for person_class=13, age=3") as refusal:
        credited(Facts(person_class="13", age=3), base_fen=0)
    assert refusal.value.reason is Reason.POLICY_NO_MATCHING_ROW


def test_a_fact_that_is_not_known_is_refused() -> None:
    with pytest.raises(RuleError) as refusal:
        credited(Facts(person_class="1101"), base_fen=0)
    assert refusal.value.reason is Reason.FACT_MISSING


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = """\
format: yibao-credit/2
credits:
  - id: c1
    every: year
    base: {least_fen: 2, most_fen: 1}
    by: [institution_level, colour]
    rows:
      - {ratio_ppm: 1, amount_fen: 1, when: {institution_level: any, colour: any}}
  - id: C2
    every: month
    rows:
      - {ratio_ppm: 1_000_001}
  - id: C2
    every: month
    rows:
      - {}
"""
    assert faults_of(text) == [
        ("1 format", "expected one of yibao-credit/1, got 'yibao-credit/2'"),
        ("3 credits[0].id", "expected a credit id such as C1, got 'c1'"),
        ("4 credits[0].every", "expected one of month, got 'year'"),
        ("5 credits[0].base.most_fen", "lies below least_fen"),
        (
            "6 credits[0].by[0]",
            "'institution_level' is no fact of a person",
        ),
        (
            "6 credits[0].by[1]",
            "'colour' is not a fact",
        ),
        ("8 credits[0].rows[0]", "expected either ratio_ppm or amount_fen"),
        (
            "12 credits[1].rows[0].ratio_ppm",
            "expected a whole number from 0 to 1000000, got 1000001; ratios are in millionths: "
            "75 % is 750_000",
        ),
        ("13 credits[2].id", "'C2' is the id of an earlier credit"),
        ("16 credits[2].rows[0]", "expected either ratio_ppm or amount_fen"),
    ]
