"""Doubts about tables: facts for which no row holds, so that bills with them are refused.

Looked at are numbers, counts and codes of which all are known; of open codes and of sets
only those that the table names, since nobody knows the others.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from yibao_settlement.rules.benefit.amounts import Adjustment, Amount, BracketsRow
from yibao_settlement.rules.benefit.conditions import (
    Among,
    Between,
    Condition,
    FactValue,
    Matcher,
    Members,
)
from yibao_settlement.rules.benefit.doubts.doubt import Doubt, DoubtKind, Place, placed_steps
from yibao_settlement.rules.benefit.facts import (
    CARE_GROUP,
    CLOSED_CODES,
    COUNT,
    FACTS,
    Kind,
)
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import (
    ClassifyStep,
    DeductibleStep,
    SharesRow,
    TiersStep,
)
from yibao_settlement.rules.benefit.table import Table
from yibao_settlement.rules.benefit.wording import code_en, code_zh, fact_zh
from yibao_settlement.rules.statement.labels import CLASSES_ZH, LEVELS_ZH

_EXAMPLES = 3
# Combinations looked at, so that no table takes longer than a moment.
_LOOKED_AT = 20_000

_AnyTable = (
    Table[SharesRow] | Table[Amount] | Table[Amount | None] | Table[BracketsRow] | Table[Adjustment]
)
_Combination = Mapping[str, FactValue]


class PlacedTable(NamedTuple):
    """A table with its owner, a step's id or a counter's name, and its place in the file.

    It is asked where any of `applies` holds.
    """

    table: _AnyTable
    owner: str
    place: Place
    applies: tuple[Condition, ...]


def doubts_of_tables(policy: BenefitPolicy) -> Iterator[Doubt]:
    """Yields tables that have no row for some facts, steps first, then counters."""
    for step, at in placed_steps(policy):
        if isinstance(step, ClassifyStep):
            yield from _classes(step, at)
    for table, owner, place, applies in placed_tables(policy):
        yield from _gap(policy, table, applies, owner=owner, place=place)


def placed_tables(policy: BenefitPolicy) -> Iterator[PlacedTable]:
    """Yields the tables of a policy, of steps first, then of counters."""
    for step, place in placed_steps(policy):
        applies = (step.applies,)
        if isinstance(step, ClassifyStep | DeductibleStep | TiersStep):
            yield PlacedTable(step.table, step.id, (*place, "rows"), applies)
        if isinstance(step, TiersStep):
            for index, table in enumerate(step.adjust):
                at = (*place, "adjust", index, "rows")
                yield PlacedTable(table, step.id, at, applies)
    by_step = {step.id: step.applies for step in policy.steps}
    for counter in policy.counters:
        limited = tuple(by_step[name.partition(".")[0]] for name in counter.limits)
        place = ("counters", counter.name, "rows")
        yield PlacedTable(counter.table, counter.name, place, limited)


def _classes(step: ClassifyStep, place: Place) -> Iterator[Doubt]:
    """Yields catalogue classes of which a row says nothing."""
    for number, row in enumerate(step.table.rows):
        missing = [code for code in CLASSES_ZH if code not in row.value.shares]
        if missing and not row.value.as_attested:
            named = "、".join(f"{CLASSES_ZH[code]}（{code}）" for code in missing)
            yield Doubt(
                DoubtKind.NO_ROW,
                step.id,
                (*place, "rows", number, "shares"),
                f"no share for class {', '.join(missing)}: bills with such items are refused, "
                "unless the item has a share of its own",
                f"未规定{named}的先行自付比例：除项目本身有比例外，含此类项目的单据将被拒绝",
            )


def _gap(
    policy: BenefitPolicy,
    table: _AnyTable,
    applies: Sequence[Condition],
    *,
    owner: str,
    place: Place,
) -> Iterator[Doubt]:
    """Yields what no row of a table takes where any of `applies` holds."""
    if table.rows[-1].when is None:
        return
    missing = list(itertools.islice(_missing(policy, table, applies), _EXAMPLES + 1))
    if missing:
        more = len(missing) > _EXAMPLES
        told = "; ".join(_told(each, table.by) for each in missing[:_EXAMPLES])
        told_zh = "；".join(_told_zh(each, table.by) for each in missing[:_EXAMPLES])
        yield Doubt(
            DoubtKind.NO_ROW,
            owner,
            place,
            f"no row for {told}{'; and more' if more else ''}: such bills are refused",
            f"没有适用于以下情形的行：{told_zh}{'等' if more else ''}；此类单据将被拒绝",
        )


def _missing(
    policy: BenefitPolicy, table: _AnyTable, applies: Sequence[Condition]
) -> Iterator[_Combination]:
    """Yields what the table asks for that no row takes, each once."""
    conditions = [*(row.when for row in table.rows if row.when is not None), *applies]
    asked = dict.fromkeys((*table.by, *(fact for each in applies for fact, _ in each.matchers)))
    if any(_limits_care(policy, fact) for fact in asked):
        asked |= {CARE_GROUP: None}
    values = [values_of(policy, fact, matchers_of(conditions, fact)) for fact in asked]
    seen: list[_Combination] = []
    for combination in itertools.islice(itertools.product(*values), _LOOKED_AT):
        facts = dict(zip(asked, combination, strict=True))
        key = {fact: facts[fact] for fact in table.by}
        if (
            key not in seen
            and _is_possible(policy, facts)
            and any(each.holds(facts.__getitem__) for each in applies)
            and table.find(facts.__getitem__) is None
        ):
            seen.append(key)
            yield key


def matchers_of(conditions: Sequence[Condition], fact: str) -> list[Matcher]:
    """Returns what conditions demand of a fact."""
    return [found for each in conditions for name, found in each.matchers if name == fact]


def values_of(policy: BenefitPolicy, fact: str, matchers: Sequence[Matcher]) -> list[FactValue]:
    """Returns values of a fact between which the matchers tell."""
    if fact.startswith(COUNT) or FACTS[fact] is Kind.NUMBER:
        low = 0 if not fact.startswith(COUNT) or _limits_care(policy, fact) else 1
        edges = {low}
        for each in matchers:
            if isinstance(each, Between):
                edges |= {each.low} if each.high is None else {each.low, each.high + 1}
        return sorted(edge for edge in edges if edge >= low)
    if FACTS[fact] is Kind.SET:
        named = sorted({code for each in matchers for code in _members(each)})
        return [frozenset(), *(frozenset({code}) for code in named)]
    closed = CLOSED_CODES.get(fact)
    if fact == "institution_level":
        closed = tuple(LEVELS_ZH)
    if fact == CARE_GROUP:
        closed = tuple(group.name for group in policy.care_groups)
    named = sorted({code for each in matchers if isinstance(each, Among) for code in each.codes})
    # One code stands for all that a table takes whatever they are.
    return list(closed or named or [""])


def _members(matcher: Matcher) -> frozenset[str]:
    if not isinstance(matcher, Members):
        return frozenset()
    return matcher.all_of | matcher.any_of | matcher.none_of


def _limits_care(policy: BenefitPolicy, fact: str) -> bool:
    """Tells whether a fact is a count that only care of some groups has."""
    name = fact.removeprefix(COUNT)
    return fact.startswith(COUNT) and any(
        count.name == name and count.care_groups is not None for count in policy.counts
    )


def _is_possible(policy: BenefitPolicy, facts: _Combination) -> bool:
    """Tells whether a bill can have these facts: care that a count numbers is the first."""
    return not any(
        facts.get(COUNT + count.name) == 0 and facts.get(CARE_GROUP) in (count.care_groups or ())
        for count in policy.counts
    )


def _told(facts: _Combination, by: Sequence[str]) -> str:
    return " and ".join(f"{fact} {_text(fact, facts[fact], code_en)}" for fact in by)


def _told_zh(facts: _Combination, by: Sequence[str]) -> str:
    return "，".join(f"{fact_zh(fact)} {_text(fact, facts[fact], code_zh)}" for fact in by)


def _text(fact: str, value: FactValue, named: Callable[[str, str], str]) -> str:
    if isinstance(value, frozenset):
        return "+".join(named(fact, code) for code in sorted(value)) or "none"
    return named(fact, value) if isinstance(value, str) else str(value)
