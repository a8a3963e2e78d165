"""The evaluator with which the engine is compared tells every example to the fen.

Where it and the engine differ, one of them is wrong; so it has to be right by itself first.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.benefit_cases.cases import case
from support.benefit_oracle.credits import credit_fen
from support.benefit_oracle.expressions import told, value
from support.benefit_oracle.history import History
from support.benefit_oracle.refusals import Refused

EXAMPLES = Path(__file__).parents[2] / "vectors" / "policy"
POLICIES = sorted(path.parent.name for path in EXAMPLES.glob("*/policy.yaml"))
CREDITS = sorted(path.parent.name for path in EXAMPLES.glob("*/credit.yaml"))


def read(name: str, file: str) -> Any:
    return yaml.safe_load((EXAMPLES / name / file).read_text(encoding="utf-8"))


def test_no_example_is_missing() -> None:
    assert len(POLICIES) == 90
    assert len(CREDITS) == 3


@pytest.mark.parametrize("name", POLICIES)
def test_an_example_costs_what_it_says(name: str) -> None:
    written = read(name, "bills.yaml")
    history = History(read(name, "policy.yaml"), written.get("purses"))
    sofar: dict[str, int] = {}
    for bill in written["bills"]:
        if "refused" in bill:
            with pytest.raises(Refused) as refusal:
                history.settle(bill)
            assert refusal.value.reason == bill["refused"]
            continue
        amounts = settled_amounts(history, bill)
        for amount, fen in amounts.items():
            sofar[amount] = sofar.get(amount, 0) + fen
        known = amounts | {f"all.{amount}": fen for amount, fen in sofar.items()}
        expected = bill["expected"]
        assert {each: result_of(each, expected[each], known) for each in expected} == expected


def settled_amounts(history: History, bill: Mapping[str, Any]) -> dict[str, int]:
    settled = history.settle(bill)
    purses = history.memory.purses
    return {
        **settled.amounts,
        **{f"purse.{purse}": fen for purse, fen in purses.items()},
        "balance": sum(purses.values()),
        "refused_lines": len(settled.refused_lines),
    }


def result_of(expression: str, expected: object, known: Mapping[str, int]) -> object:
    result = value(expression, known.__getitem__)
    return told(result) if isinstance(expected, str) else result


@pytest.mark.parametrize("name", CREDITS)
def test_an_example_credits_what_it_says(name: str) -> None:
    written = read(name, "credit.yaml")
    for each in read(name, "bills.yaml")["credits"]:
        assert credit_fen(written, each["facts"], each["base_fen"]) == each["expected"]


def test_nothing_is_lost_in_a_generated_year() -> None:
    settled = 0
    for seed in range(60):
        made = case(seed)
        history = History(yaml.safe_load(made.policy_text), made.bills.get("purses"))
        for bill in made.bills["bills"]:
            try:
                answer = history.settle(bill)
            except Refused:
                continue
            settled += 1
            amounts = answer.amounts
            assert amounts["total"] == amounts["fund_total"] + amounts["account"] + amounts["cash"]
            assert amounts["total"] == sum(line.fen for line in answer.lines)
            assert min(amounts.values()) >= 0
            for line in answer.lines:
                assert 0 <= line.paid_by(list(line.paid)) <= line.fen
                assert min([*line.paid.values(), line.deductible]) >= 0
    assert settled > 400
