"""Random histories in which two records become one person."""

import random
from collections.abc import Iterator
from dataclasses import replace

from .operations import Credit, Merge, MoveDue, OfPerson, Operation, SettleDifference
from .world import World


def with_merge(
    operations: Iterator[Operation], chance: random.Random, world: World
) -> Iterator[Operation]:
    """Yields operations on two persons, who are one from somewhere on in every fourth history."""
    retired, survivor = chance.sample(world.region.persons, 2)
    merge_at = chance.randrange(8, 40) if chance.random() < 0.25 else -1
    for number, operation in enumerate(operations):
        if number == merge_at:
            merge = Merge(op_id="merge", person_id=survivor, retired_id=retired)
            # Where a bill cannot be decided behind the other's, all stays as it was.
            if not world.trial(merge).refused:
                yield merge
        if isinstance(operation, (OfPerson, Credit, SettleDifference, MoveDue)):
            holder = world.books.holder(operation.person_id)
            yield replace(operation, person_id=holder)
        else:
            yield operation
