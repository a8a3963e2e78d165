"""Files of `yibao-policy/2` are read as what they say."""

import datetime as dt
import hashlib
from pathlib import Path

import pytest
from support.benefit_text import GOOD, changed, load
from support.contracts import ROOT

from yibao_settlement.files.benefit.file import load_benefit_policy
from yibao_settlement.rules.benefit.amounts import PartOf, Rounding, RoundingMode
from yibao_settlement.rules.benefit.conditions import Anything, Between, Members
from yibao_settlement.rules.benefit.steps import (
    BY_ITEM,
    OWN_COST,
    Bearer,
    ClassifyStep,
    DeductibleStep,
    TiersStep,
)
from yibao_settlement.rules.benefit.windows import NewYear, Window

EXAMPLES = sorted((ROOT / "tests" / "vectors" / "policy").glob("*/policy.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_is_a_policy_without_mistakes(path: Path) -> None:
    contents = path.read_bytes()
    policy = load_benefit_policy(contents, name=path.name)
    assert policy.version == hashlib.sha256(contents).hexdigest()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 90


def test_dates_windows_and_parameters_are_read() -> None:
    policy = load(GOOD)
    assert (policy.start_date, policy.end_date) == (dt.date(2024, 1, 1), dt.date(2025, 12, 31))
    assert policy.windows.year_starts == (7, 1)
    assert policy.windows.new_year is NewYear.SPLIT
    assert [value.fen for value in policy.parameters[0].values] == [808_400, 900_000]
    assert policy.parameters[0].values[0].clause == "某文件: 第一条 <https://example.cn/1>"
    assert policy.counts[0].within is Window.YEAR


def test_prepay_is_another_spelling_of_first_self_pay() -> None:
    policy = load(GOOD)
    deductible = policy.steps[2]
    assert isinstance(deductible, DeductibleStep)
    assert deductible.base == ("first_self_pay.b", "eligible")
    assert deductible.as_first_self_pay
    assert policy.counters[0].counts == ("first_self_pay", "G1.paid")
    spelled_out = load(GOOD.replace("prepay", "first_self_pay"))
    assert spelled_out.steps == policy.steps
    assert spelled_out.counters == policy.counters


def test_rows_are_read_with_their_conditions_amounts_and_clauses() -> None:
    step = load(GOOD).steps[2]
    assert isinstance(step, DeductibleStep)
    first, second, last = step.table.rows
    assert first.when is not None
    assert dict(first.when.matchers) == {"age": Between(0, 59), "count.stays": Between(1, 1)}
    assert first.value == PartOf("average_wage", 100_000, 1, 90_000)
    assert first.clause == "某文件: 第三条 <https://example.cn/1>"
    assert second.when is not None
    assert dict(second.when.matchers)["count.stays"] == Anything()
    assert second.clause == "某文件: 第二条 <https://example.cn/1>"
    assert (last.when, last.value) == (None, 50_000)


def test_none_of_a_set_is_none_of_all_that_the_table_names() -> None:
    step = load(GOOD).steps[3]
    assert isinstance(step, TiersStep)
    when = step.table.rows[1].when
    assert when is not None
    assert dict(when.matchers) == {"entitlement_groups": Members(none_of=frozenset({"2305"}))}


def test_shares_payers_and_rounding_are_read() -> None:
    classify, *_, pool, due, _ = load(GOOD).steps
    assert isinstance(classify, ClassifyStep)
    assert classify.table.rows[0].value.shares == {"01": 0, "02": BY_ITEM, "03": OWN_COST}
    assert isinstance(pool, TiersStep)
    assert isinstance(due, TiersStep)
    assert (pool.payer, due.payer) == ("310100", Bearer.TREASURY)
    # What a step says of rounding stands in place of all that the policy says.
    assert pool.rounding == Rounding(unit_fen=100)
    assert due.rounding == Rounding(by_bracket=True, mode=RoundingMode.DOWN, unit_fen=10)


def test_rows_that_differ_in_a_set_stand_in_order() -> None:
    text = changed(
        "when: {entitlement_groups: none}", 'when: {entitlement_groups: ["2305", "2306"]}'
    )
    step = load(text).steps[3]
    assert isinstance(step, TiersStep)
    assert len(step.table.rows) == 2
