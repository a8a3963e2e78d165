"""Facts, conditions and tables of a policy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .refusals import Refused

SETS = frozenset({"entitlement_groups", "diseases"})
NUMBERS = frozenset({"age", "months_insured", "months_owing", "years_unclaimed"})


def is_number(fact: str) -> bool:
    """Tells whether `fact` is counted or measured."""
    return fact in NUMBERS or fact.startswith("count.")


@dataclass
class Facts:
    """What a bill says; `asked` are the facts that tables have asked for."""

    said: dict[str, Any]
    asked: set[str] = field(default_factory=set)

    def of(self, name: str) -> Any:
        """Returns a fact; a set that nobody entered is empty."""
        self.asked.add(name)
        if name in SETS:
            return frozenset(self.said.get(name) or ())
        if self.said.get(name) is None:
            raise Refused("FACT_MISSING", name)
        return self.said[name]


def codes(written: Any) -> frozenset[str]:
    """Returns a code or a list of codes as a set."""
    return frozenset(written if isinstance(written, list) else [written])


def holds(fact: str, value: Any, condition: Any, named: frozenset[str]) -> bool:
    """Tells whether a condition holds; `named` are the codes of all rows for this fact."""
    if condition == "any":
        return True
    if is_number(fact):
        if not isinstance(condition, dict):
            return bool(value == condition)
        lowest = condition.get("from")
        highest = condition.get("to")
        return (lowest is None or value >= lowest) and (highest is None or value <= highest)
    if fact not in SETS:
        return value in codes(condition)
    if condition == "none":
        return not value & named
    if isinstance(condition, dict):
        return (
            ("all" not in condition or codes(condition["all"]) <= value)
            and ("any" not in condition or bool(codes(condition["any"]) & value))
            and ("none" not in condition or not codes(condition["none"]) & value)
        )
    return bool(codes(condition) & value)


def codes_in(condition: Any) -> Iterator[str]:
    """Yields the codes that a condition on a set names."""
    if isinstance(condition, dict):
        for part in condition.values():
            yield from codes(part)
    elif condition not in ("any", "none"):
        yield from codes(condition)


def applies(conditions: Mapping[str, Any] | None, facts: Facts) -> bool:
    """Tells whether all conditions of `applies` hold."""
    return all(
        holds(fact, facts.of(fact), condition, frozenset(codes_in(condition)))
        for fact, condition in (conditions or {}).items()
    )


def row_of(table: Mapping[str, Any], facts: Facts, what: str) -> Mapping[str, Any]:
    """Returns the first row of `table` that holds; `what` names the table in a refusal.

    A row asks for facts in the order of `by`, up to the first that does not fit.
    """
    by = table.get("by") or []
    conditions = [row.get("when", {}) for row in table["rows"]]
    named = {
        fact: frozenset(
            code for when in conditions if when != "otherwise" for code in codes_in(when[fact])
        )
        for fact in by
        if fact in SETS
    }
    for row, when in zip(table["rows"], conditions, strict=True):
        if when == "otherwise" or all(
            holds(fact, facts.of(fact), when[fact], named.get(fact, frozenset())) for fact in by
        ):
            return row  # type: ignore[no-any-return]
    raise Refused("POLICY_NO_MATCHING_ROW", f"{what}: {facts.said}")
