"""Facts, conditions and tables of a policy."""

from collections.abc import Iterator, Mapping
from typing import Any

from .refusals import Refused

Facts = Mapping[str, Any]

SETS = frozenset({"entitlement_groups", "diseases"})
NUMBERS = frozenset({"age", "months_insured", "months_owing", "years_unclaimed"})


def is_number(fact: str) -> bool:
    """Tells whether `fact` is counted or measured."""
    return fact in NUMBERS or fact.startswith("count.")


def fact_of(facts: Facts, name: str) -> Any:
    """Returns what the bill says of `name`; a set that nobody entered is empty."""
    if name in SETS:
        return frozenset(facts.get(name) or ())
    if facts.get(name) is None:
        raise Refused("FACT_MISSING", name)
    return facts[name]


def number_fact(facts: Facts, name: str) -> int:
    """Returns a fact that is a number."""
    return int(fact_of(facts, name))


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
        holds(fact, fact_of(facts, fact), condition, frozenset(codes_in(condition)))
        for fact, condition in (conditions or {}).items()
    )


def row_of(table: Mapping[str, Any], facts: Facts, what: str) -> Mapping[str, Any]:
    """Returns the first row of `table` that holds; `what` names the table in a refusal."""
    by = table.get("by") or []
    values = {fact: fact_of(facts, fact) for fact in by}
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
            holds(fact, values[fact], when[fact], named.get(fact, frozenset())) for fact in by
        ):
            return row  # type: ignore[no-any-return]
    raise Refused("POLICY_NO_MATCHING_ROW", f"{what}: {values}")
