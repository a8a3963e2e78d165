"""Random histories in which another policy decides in the middle and bills are repriced by it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import yaml
from support.benefit_world import put_policy
from support.history_model.examples import FOLDER
from support.history_model.operations import Operation, Reprice, is_followed
from support.history_model.settlements import State
from support.history_model.terms import Terms
from support.history_model.world import World as Model
from support.played_histories import Played
from support.settlement_world import REGION

# After how many operations another policy decides; some of those behind it reprice.
SWITCH_AFTER = 8
FIRST = (FOLDER / "policy.yaml").read_text(encoding="utf-8")
SECOND = (
    FIRST.replace("policy_id: T", "policy_id: T2")
    .replace("amount: 130000", "amount: 90000")
    .replace("amount: 65000", "amount: 70000")
    .replace("limit: 5000000", "limit: 3000000")
    .replace("ratio_ppm: 850000", "ratio_ppm: 880000")
    .replace('"02": 100000', '"02": 50000')
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Operation):
    """From here on the second policy decides bills of all days."""


def switch(played: Played, model: Model) -> None:
    """Lets the second policy decide bills of all days, on both."""
    # The model's bills are of an earlier day, from which on it decides there.
    contents = SECOND.replace("start_date: 2001", "start_date: 2026")
    put_policy(
        played.world, contents.replace('"999000"', f'"{REGION}"').replace('"310"', '"390"', 1)
    )
    versions = {**model.region.versions, "T2": Terms("T2", yaml.safe_load(SECOND))}
    model.region = replace(model.region, versions=versions, in_force="T2")
    model.books.region = model.region


def with_repricings(
    operations: Iterator[Operation], chance: random.Random, model: Model
) -> Iterator[Operation]:
    """Yields operations, repricings of bills that stand in between, and the switch of policies."""
    is_switched = False
    for number, operation in enumerate(operations):
        yield operation
        if number >= SWITCH_AFTER and not is_switched and is_followed(operation):
            is_switched = True
            yield Switch(op_id="switch")
        standing = [
            name
            for name, each in sorted(model.books.settlements.items())
            if each.state is State.SETTLED
        ]
        if standing and chance.random() < 0.35 and is_followed(operation):
            ids = chance.sample(standing, min(len(standing), chance.randint(1, 3)))
            yield Reprice(
                op_id=f"p{number}",
                settlement_ids=tuple(ids),
                terms=model.region.in_force,
                maker="clerk",
                checker="head",
            )


def with_liability(
    operations: Iterator[Operation], chance: random.Random, model: Model
) -> Iterator[Operation]:
    """Yields operations, and repricings of stays that a third party turns out to be liable for.

    At times that is taken back, at times the policy is asked for with it.
    """
    for number, operation in enumerate(operations):
        yield operation
        standing = {
            name: each.is_liable
            for name, each in sorted(model.books.settlements.items())
            if each.state is State.SETTLED
        }
        if standing and chance.random() < 0.12 and is_followed(operation):
            liable = [name for name, is_liable in standing.items() if is_liable]
            is_freed = bool(liable) and chance.random() < 0.6
            yield Reprice(
                op_id=f"v{number}",
                settlement_ids=(chance.choice(liable if is_freed else sorted(standing)),),
                terms=model.region.in_force if chance.random() < 0.3 else "",
                maker="clerk",
                checker="head",
                is_liable=not is_freed,
            )
