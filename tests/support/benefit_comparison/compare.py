"""Cases compared, many at once."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from support.benefit_cases.cases import Case, case

from . import engine, oracle
from .answers import differences


@dataclass
class Outcome:
    """What was compared: bills settled and refused by reason, and the cases that differ."""

    cases: int = 0
    bills: Counter[str] = field(default_factory=Counter)
    differing: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: "Outcome") -> None:
        """Adds what another process compared."""
        self.cases += other.cases
        self.bills += other.bills
        self.differing |= other.differing


def compare_case(made: Case) -> tuple[Counter[str], list[str]]:
    """Returns the bills of a case by their refusal, and what differs of the first that does."""
    refusals: Counter[str] = Counter()
    named = frozenset(amounts_asked_for(oracle.policy(made.policy_text)))
    pairs = zip(engine.answers(made), oracle.answers(made), strict=True)
    for number, (ours, theirs) in enumerate(pairs):
        refusals[theirs.refused or "settled"] += 1
        found = differences(ours, theirs, named=named)
        if found:
            return refusals, [f"bill {number + 1}: {each}" for each in found]
    return refusals, []


def amounts_asked_for(written: object) -> Iterator[str]:
    """Yields the names in `of`, `on_top_of` and `counts`, wherever they stand in a policy."""
    if isinstance(written, list):
        for each in written:
            yield from amounts_asked_for(each)
    elif isinstance(written, dict):
        for key, value in written.items():
            if key == "of":
                yield value
            elif key in ("on_top_of", "counts") and isinstance(value, list):
                yield from value
            else:
                yield from amounts_asked_for(value)


def compare(seeds: Iterable[int]) -> Outcome:
    """Compares the cases of some seeds."""
    outcome = Outcome()
    for seed in seeds:
        refusals, found = compare_case(case(seed))
        outcome.cases += 1
        outcome.bills += refusals
        if found:
            outcome.differing[seed] = found
    return outcome
