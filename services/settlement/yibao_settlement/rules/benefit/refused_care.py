"""Care that a policy refuses, whatever else its bills say: a table has no row for it."""

from collections.abc import Mapping

from yibao_settlement.rules.benefit.conditions import Condition
from yibao_settlement.rules.benefit.doubts.gaps import PlacedTable, placed_tables
from yibao_settlement.rules.benefit.facts import CARE_GROUP
from yibao_settlement.rules.benefit.policy import BenefitPolicy, care_group_of
from yibao_settlement.rules.care_type import CARE_TYPE, CARE_TYPES


def refused_care(policy: BenefitPolicy) -> tuple[str, ...]:
    """Returns the care types of the national list that a policy refuses."""
    tables = list(placed_tables(policy))
    return tuple(code for code in CARE_TYPES if _is_refused(policy, tables, code))


def _is_refused(policy: BenefitPolicy, tables: list[PlacedTable], code: str) -> bool:
    care = {CARE_TYPE: code, CARE_GROUP: care_group_of(policy, code)}
    return any(
        any(_holds_always(applies, care) for applies in placed.applies)
        and not any(row.when is None or _can_hold(row.when, care) for row in placed.table.rows)
        for placed in tables
    )


def _holds_always(condition: Condition, care: Mapping[str, str]) -> bool:
    return all(fact in care and each.matches(care[fact]) for fact, each in condition.matchers)


def _can_hold(condition: Condition, care: Mapping[str, str]) -> bool:
    return all(fact not in care or each.matches(care[fact]) for fact, each in condition.matchers)
