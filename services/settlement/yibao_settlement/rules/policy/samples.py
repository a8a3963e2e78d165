"""Values of facts that tell the rows of a policy's tables apart."""

from collections.abc import Iterable, Iterator, Sequence

from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.step import PolicyStep
from yibao_settlement.rules.policy.tables import (
    AGE,
    CARE_GROUP,
    COUNT,
    ENTITLEMENT_GROUPS,
    INSTITUTION_LEVEL,
    Among,
    Between,
    Matcher,
    Member,
)

# A value of a fact, as `Asked.value` gives it.
Value = str | int | tuple[str, ...]

_LEVELS = tuple(str(level) for level in range(1, 15))
_OLDEST = 120
_MANY = 1000


def matchers_of(step: PolicyStep, fact: str) -> list[Matcher]:
    """Returns what the rows of a step demand of a fact, and its `applies`."""
    conditions = (step.applies, *(row.when for row in step.rows))
    return [matcher for each in conditions for name, matcher in each.matchers if name == fact]


def facts_of(steps: Iterable[PolicyStep]) -> list[str]:
    """Returns the facts that steps ask for, each once."""
    conditions = (when for step in steps for when in (step.applies, *(r.when for r in step.rows)))
    return list(dict.fromkeys(fact for each in conditions for fact, _ in each.matchers))


def values_of(policy: Policy, fact: str, matchers: Sequence[Matcher]) -> list[Value]:
    """Returns values of a fact between which the matchers tell.

    Of facts whose values are all known, such as levels, every one; of others, such as
    classes of persons, those that are named.
    """
    if fact == INSTITUTION_LEVEL:
        return list(_LEVELS)
    if fact == CARE_GROUP:
        return [group.name for group in policy.care_groups]
    if fact == ENTITLEMENT_GROUPS:
        named = {group for each in matchers if isinstance(each, Member) for group in each.groups}
        return [(), *((group,) for group in sorted(named))]
    if fact == AGE:
        return sorted(_edges(matchers, low=0, high=_OLDEST))
    if fact.startswith(COUNT):
        return sorted(_edges(matchers, low=1, high=_MANY))
    return sorted({code for each in matchers if isinstance(each, Among) for code in each.codes})


def _edges(matchers: Iterable[Matcher], *, low: int, high: int) -> Iterator[int]:
    """Yields the numbers on both sides of every limit, without repetition."""
    found = {low}
    for each in matchers:
        if isinstance(each, Between):
            found |= {each.low - 1, each.low}
            found |= set() if each.high is None else {each.high, each.high + 1}
    yield from (number for number in found if low <= number <= high)
