"""Histories played with all checks, and made short where a check fails."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from .checks import Checks
from .facts import Violation
from .histories import Maker
from .merging import with_merge
from .operations import Operation
from .region import Region, Wrong
from .regions import region
from .taking_back import as_region_says
from .world import World

STEPS = 60


@dataclass
class Played:
    """What came of a history: the operations, how they ended, and what was violated."""

    seed: int
    operations: list[Operation] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    violation: Violation | None = None


def play(seed: int, *, steps: int = STEPS, wrong: Wrong | None = None) -> Played:
    """Plays the history of a seed up to the first violation; of five seeds, one is an attack."""
    world = World(region(seed, wrong=wrong))
    checks = Checks(world)
    maker = Maker(seed, alone=seed % 5 == 4)
    played = Played(seed)
    operations = maker.operations(world, steps)
    operations = as_region_says(operations, random.Random(f"returned {seed}"), world)
    if wrong is None:
        operations = with_merge(operations, random.Random(f"merged {seed}"), world)
    for operation in operations:
        played.operations.append(operation)
        try:
            outcome = checks.run(operation)
            checks.replay(maker.chance.choice(played.operations))
        except Violation as violation:
            played.violation = violation
            break
        kind = type(operation).__name__
        played.ends[f"{kind} {outcome.refused or 'done'}"] += 1
        played.ends["adjustments"] += sum(each.kind == "ADJUSTMENT" for each in outcome.postings)
    return played


def violated(place: Region, operations: Sequence[Operation]) -> Violation | None:
    """Returns the first violation of a history that is played anew, None where all holds."""
    checks = Checks(World(place))
    for operation in operations:
        try:
            checks.run(operation)
        except Violation as violation:
            return violation
    return None


def shortest(place: Region, operations: Sequence[Operation], check: str) -> list[Operation]:
    """Returns a history that violates `check`, and no more where any operation is dropped."""
    kept = list(operations)
    for operation in reversed(operations):
        fewer = [each for each in kept if each is not operation]
        found = violated(place, fewer)
        if found is not None and found.check == check:
            kept = fewer
    return kept if len(kept) == len(operations) else shortest(place, kept, check)
