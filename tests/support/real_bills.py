"""Three bills that people were given, as small policies and lines that come to their sums.

- An employee's outpatient bill of Inner Mongolia, 2026: 169.87 in scope, 60 % is 101.92.
- A stay of Heilongjiang, 2025: 90 % of what exceeds 600.00 in 5,405.03 is 4,324.53.
- A Beijing outpatient receipt with the year's deductible met: 70 % of 611.14 is 427.80.
"""

from dataclasses import replace
from typing import NamedTuple

from support.policies import FACTS, account, classify, deductible, line, policy_of, tiers
from support.statements import statement_for

from yibao_settlement.rules.statement.statement import Statement

_ELIGIBLE = {"add": ["eligible"]}
_OUTPATIENT = replace(FACTS, care_type="11")


class RealBill(NamedTuple):
    """A bill with what its paper prints, in fen."""

    statement: Statement
    total_fen: int
    eligible_fen: int
    deductible_fen: int
    fund_total_fen: int
    account_fen: int
    cash_fen: int


def _inner_mongolia() -> RealBill:
    pool = tiers("P1", _ELIGIBLE, [(0, None, 600_000)], fund_type="310102")
    policy = policy_of(classify(), pool, account("copay", "prepay"))
    lines = (line(18_341, "02", number=1), line(480, number=2))
    names = {"ITEM1": "缬沙坦胶囊", "ITEM2": "一次性注射器"}
    statement = statement_for(policy, *lines, facts=_OUTPATIENT, balance_fen=100_000, names=names)
    return RealBill(statement, 18_821, 16_987, 0, 10_192, 8_629, 0)


def _heilongjiang() -> RealBill:
    base = {"add": ["eligible"], "subtract": ["D1.paid"]}
    pool = tiers("P1", base, [(0, None, 900_000)], fund_type="310100")
    policy = policy_of(classify(), deductible(60_000), pool)
    lines = (line(540_503, number=1), line(87_876, "03", number=2))
    names = {"ITEM1": "住院诊疗费用", "ITEM2": "目录外耗材"}
    statement = statement_for(policy, *lines, names=names)
    return RealBill(statement, 628_379, 540_503, 60_000, 432_453, 0, 195_926)


def _beijing() -> RealBill:
    due = deductible(180_000, basis="per_year", accumulator="deductible.outpatient")
    large = tiers("L1", {"add": ["eligible"], "subtract": ["D1.paid"]}, [(0, None, 700_000)])
    large["tiers"]["fund_type"] = "330100"
    policy = policy_of(classify(), due, large)
    statement = statement_for(
        policy,
        line(61_114),
        facts=_OUTPATIENT,
        year={"deductible.outpatient": 180_000},
        names={"ITEM1": "阿托伐他汀钙片"},
    )
    return RealBill(statement, 61_114, 61_114, 0, 42_780, 0, 18_334)


REAL_BILLS = {
    "inner-mongolia-2026": _inner_mongolia(),
    "heilongjiang-2025": _heilongjiang(),
    "beijing": _beijing(),
}
