"""Which rows of a policy's tables hold for a bill."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import Facts
from yibao_settlement.rules.policy.step import PolicyStep
from yibao_settlement.rules.policy.tables import (
    CARE_GROUP,
    COUNT,
    Asked,
    care_group_of,
    find_row,
)

# Kinds of bill remembered in a process: classes, levels and ages in some thousands of
# combinations are what a policy sees.
MAX_PLANS = 16_384


@dataclass(frozen=True, slots=True)
class Plan:
    """Which row of each step holds for some facts; None where the step does not apply."""

    care_group: str
    rows: tuple[int | None, ...]


def plan_bill(policy: Policy, facts: Facts, year: Mapping[str, int]) -> Plan:
    """Returns the rows that hold; raises RuleError if a step that applies has none."""
    earlier = tuple(year.get(COUNT + group, 0) for group in policy.counted_groups)
    return find_plan(policy, facts, earlier)


@functools.lru_cache(MAX_PLANS)
def find_plan(policy: Policy, facts: Facts, earlier: tuple[int, ...]) -> Plan:
    """Returns what `plan_bill` does, with `earlier` bills of each counted group in the year.

    Remembered, so that tables are searched once for each kind of bill.
    """
    care_group = care_group_of(facts.care_type, policy.care_groups)
    counts = {
        group: before + (group == care_group)
        for group, before in zip(policy.counted_groups, earlier, strict=True)
    }
    asked = Asked(facts=facts, care_group=care_group, counts=counts)
    return Plan(care_group, tuple(_row_of(step, asked) for step in policy.steps))


def _row_of(step: PolicyStep, asked: Asked) -> int | None:
    if not step.applies.holds(asked):
        return None
    index = find_row(step.rows, asked)
    if index is None:
        names = [fact for fact, _ in step.rows[0].when.matchers]
        key = ", ".join(f"{fact}={_as_text(fact, asked)}" for fact in names)
        raise RuleError(
            Reason.POLICY_NO_MATCHING_ROW,
            f"step {step.id} has no row for {key}",
            step_id=step.id,
            key=key,
        )
    return index


def _as_text(fact: str, asked: Asked) -> str:
    """Returns a fact as refusals tell it; care of no group by its type."""
    if fact == CARE_GROUP and not asked.care_group:
        return f"none (care_type {asked.facts.care_type})"
    value = asked.value(fact)
    return "+".join(value) if isinstance(value, tuple) else str(value)
