"""Facts for which a step that applies has no row: bills with them would be refused."""

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.samples import Value, matchers_of, values_of
from yibao_settlement.rules.policy.step import PolicyStep

_EXAMPLES = 3
# Rows looked at for combinations of facts, so that no table takes longer than a moment.
_LOOKED_AT = 100_000


class Gap(NamedTuple):
    """Values of one fact that no row takes, or examples of facts that no row takes together."""

    fact: str
    values: tuple[Value, ...]
    together: tuple[Mapping[str, Value], ...] = ()


def gaps_of(policy: Policy, step: PolicyStep) -> Iterator[Gap]:
    """Yields what no row of a step matches, first fact by fact, then together."""
    applies, rows = dict(step.applies.matchers), [dict(row.when.matchers) for row in step.rows]
    covered: dict[str, list[Value]] = {}
    for fact in rows[0]:
        limit = applies.get(fact)
        values = [
            value
            for value in values_of(policy, fact, matchers_of(step, fact))
            if limit is None or limit.matches(value)
        ]
        covered[fact] = [value for value in values if any(row[fact].matches(value) for row in rows)]
        missing = tuple(value for value in values if value not in covered[fact])
        if missing:
            yield Gap(fact, missing)
    most = _LOOKED_AT // len(rows)
    combinations = (
        dict(zip(covered, values, strict=True))
        for values in itertools.islice(itertools.product(*covered.values()), most)
    )
    unmatched = (
        facts
        for facts in combinations
        if not any(all(row[fact].matches(facts[fact]) for fact in facts) for row in rows)
    )
    together = tuple(itertools.islice(unmatched, _EXAMPLES))
    if together:
        yield Gap("", (), together)
