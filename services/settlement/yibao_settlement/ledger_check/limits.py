"""Counters beside the limits of the policies that decided a person's bills.

Only limits that are one amount whatever the facts are: others the fold alone proves.
"""

import collections
from collections.abc import Iterable, Iterator

from yibao_settlement.ledger_check.report import Fault
from yibao_settlement.rules.benefit.layout import layout_of
from yibao_settlement.rules.benefit.policy import BenefitPolicy, Counter
from yibao_settlement.storage.ledger.person import KeptPerson

_LIMITS = 17
# An insurance type, a kind of window, a counter.
_Key = tuple[str, str, str]


def limit_faults(person: KeptPerson, policies: Iterable[BenefitPolicy]) -> Iterator[Fault]:
    """Yields counters that years and windows of a person keep above their limits."""
    limits = _limits(policies)
    if not limits:
        return
    for kept in (*person.years.values(), *person.scopes.values()):
        for name, value in (kept or {}).items():
            insurance_type, _, rest = name.partition(" ")
            instance, _, counter = rest.partition(" ")
            limit = limits.get((insurance_type, instance.partition(":")[0], counter))
            if limit is not None and value > limit:
                yield _LIMITS, person.holder_id, f"keeps {value} as {name}, at most is {limit}"


def _limits(policies: Iterable[BenefitPolicy]) -> dict[_Key, int]:
    """Returns the highest limit of each counter; none of those that are not known so."""
    limits: dict[_Key, int] = {}
    unknown: set[_Key] = set()
    for policy in policies:
        for layout in layout_of(policy).counters:
            key = (policy.insurance_type, layout.counter.window.value, layout.key)
            limit = _limit(layout.counter)
            if limit is None:
                unknown.add(key)
            else:
                limits[key] = max(limits.get(key, 0), limit)
    return {key: limit for key, limit in limits.items() if key not in unknown}


def _limit(counter: Counter) -> int | None:
    """Returns the most that a counter can come to; None where that does not bind all."""
    amounts = [row.value for row in counter.table.rows]
    # What is only counted goes on above the limit.
    if counter.counts or not amounts:
        return None
    known = [amount for amount in amounts if isinstance(amount, int)]
    if len(known) < len(amounts):
        return None
    # Where what a step pays and its fees are limited, either may take all that is left before
    # the step.
    steps = collections.Counter([name.partition(".")[0] for name in counter.limits])
    return max(known) * max(steps.values(), default=1)
