"""The trace of an adjudication: formulas that come to their amounts, and a digest of it."""

import datetime as dt
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support.benefit_cases.cases import case
from support.benefit_examples import FOLDERS, Person, history_in, policy_in
from support.benefit_text import load

from yibao_common.values.errors import RuleError
from yibao_settlement.files.benefit.file import load_benefit_policy
from yibao_settlement.rules.benefit.adjudicate import adjudicate
from yibao_settlement.rules.benefit.answers import figures_by_line
from yibao_settlement.rules.benefit.bill import Balances, Bill, BillLine
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.memory import NOTHING_YET, Memory
from yibao_settlement.rules.benefit.split import Split
from yibao_settlement.rules.benefit.trace import TraceNode, explain, trace_sha256

DAY = dt.date(2024, 5, 6)
EQUATION = re.compile(r"(.+) = ([0-9.]+)( \(rounded .*\))?")


def equations(node: TraceNode) -> Iterator[tuple[Fraction, Fraction, str]]:
    """Yields both sides of every equation of a formula, and how it is rounded."""
    for part in node.formula.split("; "):
        found = EQUATION.fullmatch(part)
        if found is None:
            continue
        left, right, note = found.groups()
        left = re.sub(r"^(below the brackets|above them|for earlier bills)", "", left)
        left = re.sub(r"([0-9.]+)%", r"(\1 / 100)", left.replace(" x ", " * "))
        left = re.sub(r"([0-9]+\.?[0-9]*)", r"Fraction('\1')", left)
        scope: dict[str, Any] = {"Fraction": Fraction, "min": min, "max": max}
        value = eval(left, {"__builtins__": {}}, scope)
        yield Fraction(value), Fraction(right), note or ""


def half_up_to_fen(value: Fraction) -> Fraction:
    """Returns yuan rounded half up to fen."""
    return Fraction((value * 100 + Fraction(1, 2)).__floor__(), 100)


def check_formulas(split: Split) -> int:
    """Checks every equation of a trace; returns how many there were."""
    checked = 0
    for node in explain(split):
        for left, right, note in equations(node):
            if note:
                # Each of some brackets or lines is rounded, at most to yuan.
                assert abs(left - right) < 7
            else:
                assert half_up_to_fen(left) == right, node
            checked += 1
    return checked


def settled(folder: Path) -> Iterator[Split]:
    history = history_in(folder)
    purses = history.get("purses") or {}
    balances = Balances(*(purses.get(each, 0) for each in ("current_year", "carried", "family")))
    person = Person(policy_in(folder), balances)
    for said in history["bills"]:
        try:
            yield person.settle(said)
        except RuleError:
            continue


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_formulas_of_an_example_come_to_their_amounts(folder: Path) -> None:
    for split in settled(folder):
        steps = len(split.layout.policy.steps)
        assert len(explain(split)) == steps * len(split.legs)
        assert check_formulas(split) > 0


@pytest.mark.parametrize("seed", range(60))
def test_formulas_of_a_generated_year_come_to_their_amounts(seed: int) -> None:
    made = case(seed)
    person = Person(load_benefit_policy(made.policy_text.encode(), name="generated"))
    for said in made.bills["bills"]:
        try:
            split = person.settle(said)
        except RuleError:
            continue
        check_formulas(split)
        paid = {step: fen for line in figures_by_line(split) for step, fen in line.by_step}
        # Whatever a line was paid by has a node that explains it.
        assert paid.keys() <= {node.step_id for node in explain(split)}


POLICY = """\
format: yibao-policy/2
policy_id: t
title: t
title_zh: t
region: "999001"
insurance_type: "310"
start_date: 2020-01-01
sources: {page: {title: 文件}}
steps:
  - classify:
      id: S1
      rows: [{shares: {"01": 0, "02": 100_000, "03": own_cost}}]
  - deductible:
      id: D1
      cites: {source: page, clause: 第二条}
      base: [eligible]
      window: year
      by: [institution_level]
      rows:
        - when: {institution_level: "3"}
          amount: 90_000
          cites: {source: page, clause: 第三条}
        - when: otherwise
          amount: 20_000
  - tiers:
      id: P1
      fund_type: "310100"
      base: [D1.rest]
      window: year
      on_top_of: [D1.paid]
      rows:
        - brackets:
            - {over_fen: 0, upto_fen: 50_000, ratio_ppm: 800_000}
"""


def bill(*, fen: int, level: str = "1") -> Bill:
    facts = Facts(care_type="2101", institution_level=level)
    return Bill("V1", DAY, (BillLine("1", fen, "01"),), facts, admission_date=DAY)


def formulas(split: Split) -> dict[str, str]:
    return {node.step_id: node.formula for node in explain(split)}


def test_a_deductible_above_the_last_bracket_reads_naturally() -> None:
    split = adjudicate(load(POLICY), bill(fen=2_000_00, level="3"), NOTHING_YET)
    assert formulas(split) == {
        "S1": "2000.00 = 2000.00",
        "D1": "min(900.00, 2000.00) = 900.00",
        "P1": "0.00 (nothing of the base lies in a bracket); above them 2000.00 - 900.00 = 1100.00",
    }


def test_a_window_that_goes_on_reads_from_where_it_stood() -> None:
    policy = load(POLICY)
    first = adjudicate(policy, bill(fen=300_00), NOTHING_YET)
    second = adjudicate(policy, bill(fen=400_00), NOTHING_YET.after(first.change))
    assert formulas(first)["P1"] == "(300.00 - 200.00) x 80% = 80.00"
    assert formulas(second) == {
        "S1": "400.00 = 400.00",
        "D1": "min(200.00 - 200.00, 400.00) = 0.00",
        "P1": "(500.00 - 300.00) x 80% = 160.00; above them 700.00 - 500.00 = 200.00",
    }


def test_a_node_cites_the_clause_of_its_row_or_else_of_its_step() -> None:
    clauses = {}
    for level in ("1", "3"):
        split = adjudicate(load(POLICY), bill(fen=1_00, level=level), NOTHING_YET)
        clauses[level] = {node.step_id: node.clause for node in explain(split)}["D1"]
    assert clauses == {"1": "文件: 第二条", "3": "文件: 第三条"}


def test_a_bill_adjudicated_again_has_the_same_digest() -> None:
    policy, again = load(POLICY), load(POLICY)
    memory = Memory({"year:2024": {"P1.before": 5, "P1.carry": -3, "D1.paid": 7}})
    digest = trace_sha256(adjudicate(policy, bill(fen=300_00), memory))
    kept = Memory.of_plain(memory.plain())
    assert trace_sha256(adjudicate(again, bill(fen=300_00), kept)) == digest


def test_every_change_of_bill_memory_or_policy_changes_the_digest() -> None:
    policy, one = load(POLICY), bill(fen=300_00)
    other = load(POLICY.replace("title: t\n", "title: u\n", 1))
    lines = (BillLine("1", 100_00, "01"), BillLine("2", 200_00, "01"))
    digests = [
        trace_sha256(adjudicate(policy, one, NOTHING_YET)),
        trace_sha256(adjudicate(policy, bill(fen=300_01), NOTHING_YET)),
        trace_sha256(adjudicate(policy, one._replace(lines=lines), NOTHING_YET)),
        trace_sha256(adjudicate(policy, one, Memory({"year:2024": {"P1.before": 1}}))),
        trace_sha256(adjudicate(other, one, NOTHING_YET)),
    ]
    assert len(set(digests)) == len(digests)
