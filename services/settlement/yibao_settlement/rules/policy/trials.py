"""Bills of many kinds, tried on a policy before it decides any: would one be paid twice?"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.money import PPM
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.plan import plan_bill
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.samples import Value, facts_of, matchers_of, values_of
from yibao_settlement.rules.policy.split import Facts, PricedLine
from yibao_settlement.rules.policy.step import DeductibleStep, TiersStep
from yibao_settlement.rules.policy.tables import (
    AGE,
    CARE_GROUP,
    CARE_TYPE,
    COUNT,
    ENTITLEMENT_GROUPS,
    INSTITUTION_LEVEL,
    PERSON_CLASS,
)

# Evenly spread over all that tables tell apart, which may be many thousands; fewer where
# a policy has many steps.
_MOST_KINDS = 400
_STEPS = 10
_MOST_LIMITS = 6
_YUAN = 100
_TOTALS_FEN = tuple(_YUAN * 10**power for power in (1, 3, 4, 5, 6))


class PaidTwice(NamedTuple):
    """A step that pays a part of some bill for the second time; the bill's total in fen."""

    step_id: str
    total_fen: int
    facts: Facts


def paid_twice(policy: Policy) -> Iterator[PaidTwice]:
    """Yields, for each step that pays a part of a bill twice, the first such bill tried."""
    found: set[str] = set()
    for facts, year in _kinds(policy):
        if not _is_decided(policy, facts, year):
            continue
        for total_fen, catalogue_class in itertools.product(_totals(policy), ("01", "02")):
            line = PricedLine(1, "", catalogue_class, total_fen, 0, PPM // 10, "", "")
            step_id = _step_paying_twice(policy, facts, line, year)
            if step_id and step_id not in found:
                found.add(step_id)
                yield PaidTwice(step_id, total_fen, facts)


def _is_decided(policy: Policy, facts: Facts, year: dict[str, int]) -> bool:
    try:
        plan_bill(policy, facts, year)
    except RuleError:
        # Some step has no row: no such bill is settled, whatever its total.
        return False
    return True


def _step_paying_twice(policy: Policy, facts: Facts, line: PricedLine, year: dict[str, int]) -> str:
    try:
        adjudicate(
            policy,
            facts=facts,
            lines=(line,),
            year=year,
            account_used=False,
            account_balance_fen=0,
        )
    except RuleError as refusal:
        if refusal.reason is Reason.POLICY_PAYS_TWICE:
            return refusal.metadata["step_id"]
    return ""


def _kinds(policy: Policy) -> Iterator[tuple[Facts, dict[str, int]]]:
    """Yields facts of bills with the counts of the year before them."""
    values = {
        fact: values_of(policy, fact, [m for step in policy.steps for m in matchers_of(step, fact)])
        for fact in facts_of(policy.steps)
    }
    if CARE_GROUP in values or CARE_TYPE not in values:
        groups = [p for group in policy.care_groups for p in group.patterns]
        values[CARE_TYPE] = [*values.get(CARE_TYPE, ()), *(each.rstrip("*") for each in groups)]
    values.pop(CARE_GROUP, None)
    names, choices = list(values), [each or [""] for each in values.values()]
    total = math.prod(len(each) for each in choices)
    most = max(1, _MOST_KINDS * _STEPS // max(_STEPS, len(policy.steps)))
    for number in range(0, total, max(1, total // most)):
        chosen = dict(zip(names, _combination(choices, number), strict=True))
        yield _facts(chosen), _counts(chosen)


def _combination(choices: Sequence[Sequence[Value]], number: int) -> list[Value]:
    """Returns the combination of this number, in the order of `itertools.product`."""
    found: list[Value] = []
    for each in reversed(choices):
        number, place = divmod(number, len(each))
        found.append(each[place])
    return found[::-1]


def _facts(chosen: dict[str, Value]) -> Facts:
    groups = chosen.get(ENTITLEMENT_GROUPS, ())
    age = chosen.get(AGE, 40)
    assert isinstance(groups, tuple)
    assert isinstance(age, int)
    return Facts(
        care_type=str(chosen.get(CARE_TYPE, "")),
        person_class=str(chosen.get(PERSON_CLASS, "")),
        entitlement_groups=groups,
        institution_level=str(chosen.get(INSTITUTION_LEVEL, "1")),
        age=age,
    )


def _counts(chosen: dict[str, Value]) -> dict[str, int]:
    return {
        fact: value - 1
        for fact, value in chosen.items()
        if fact.startswith(COUNT) and isinstance(value, int) and value > 1
    }


def _totals(policy: Policy) -> list[int]:
    """Returns totals of bills: round ones, just above the limits of the policy, and far above.

    Just above a limit, what is paid twice may still be less than what is left unpaid.
    """
    limits: set[int] = set()
    for step in policy.steps:
        if isinstance(step, DeductibleStep):
            limits |= {row.amount_fen for row in step.rows}
        elif isinstance(step, TiersStep):
            for row in step.rows:
                limits |= {row.threshold_fen, row.cap_fen or 0}
                limits |= {bracket.over_fen for bracket in row.brackets}
    highest = sorted(limits)[-_MOST_LIMITS:]
    above = {total for limit in highest for total in (limit + _YUAN, limit * 10)}
    return sorted(total for total in {*_TOTALS_FEN, *above} if total)
