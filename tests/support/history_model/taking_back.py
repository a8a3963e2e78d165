"""Random histories in regions where later bills keep earlier ones from being taken back.

Either two operators override that, or the counter asks for what its own later bills cost more.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

from .operations import (
    ConfirmOverride,
    Correct,
    Operation,
    ProposeOverride,
    Refund,
    Reverse,
    TakeBack,
    is_followed,
)
from .region import OwnDebts
from .world import World

MAKER, CHECKER = "clerk", "head"


def with_overrides(
    operations: Iterator[Operation], chance: random.Random, world: World
) -> Iterator[Operation]:
    """Yields operations, proposals of what was refused, and what comes of these, soon or late."""
    waiting: list[str] = []
    for number, made in enumerate(operations):
        operation = made
        if isinstance(made, TakeBack) and chance.random() < 0.2:
            operation = replace(made, by_agency=True)
        yield operation
        if isinstance(operation, (Refund, Reverse, Correct)):
            refused = world.outcomes[operation.op_id].refused
            if refused == "LATER_SETTLEMENTS_EXIST" or chance.random() < 0.05:
                proposal = ProposeOverride(
                    op_id=f"{operation.op_id} proposed",
                    settlement_id=operation.settlement_id,
                    act=operation,
                    maker=MAKER,
                )
                yield proposal
                if not world.outcomes[proposal.op_id].refused:
                    waiting.append(proposal.op_id)
        if waiting and chance.random() < 0.5 and is_followed(operation):
            override_id = chance.choice(waiting)
            checker = MAKER if chance.random() < 0.1 else CHECKER
            op_id = f"{override_id} and confirmed {number}"
            yield ConfirmOverride(op_id=op_id, override_id=override_id, checker=checker)
            if chance.random() < 0.7:
                waiting.remove(override_id)


def with_restated_cash(
    operations: Iterator[Operation], chance: random.Random, world: World
) -> Iterator[Operation]:
    """Yields operations, of which those that restate mostly tell what their trial asked for."""
    for operation in operations:
        if not isinstance(operation, TakeBack):
            yield operation
            continue
        asked_fen = world.trial(operation).why.get("restated_cash_fen")
        told = chance.random()
        if isinstance(asked_fen, int) and told < 0.85:
            asked_fen = asked_fen + 1 if told < 0.05 else asked_fen
            yield replace(operation, restated_cash_fen=asked_fen)
        elif told > 0.97:
            # Nothing is restated, or something else.
            yield replace(operation, restated_cash_fen=0)
        else:
            yield operation


def random_own_debts(seed: int) -> OwnDebts:
    """Returns what the region of a seed says of them."""
    chance = random.Random(f"own debts {seed}")
    (found,) = chance.choices(list(OwnDebts), (65, 25, 10))
    return found


def as_region_says(
    operations: Iterator[Operation], chance: random.Random, world: World
) -> Iterator[Operation]:
    """Yields operations with what the flags of the region ask for."""
    if world.region.own_debts is OwnDebts.RESTATE:
        operations = with_restated_cash(operations, chance, world)
    if world.region.newest_first:
        operations = with_overrides(operations, chance, world)
    return operations
