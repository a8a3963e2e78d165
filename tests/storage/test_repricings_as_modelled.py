"""Histories of bills with repricings: the service moves what the model moves, every entry."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml
from support.benefit_world import put_policy
from support.databases import Databases, in_turns
from support.history_model.examples import FOLDER, region_of
from support.history_model.operations import Operation, Reprice
from support.history_model.settlements import State
from support.history_model.terms import Terms
from support.history_model.world import World as Model
from support.played_histories import Played, assert_alike, played_in, run_both
from support.random_histories import random_operations
from support.settlement_world import REGION

# After how many operations another policy decides; some of those behind it reprice.
SWITCH = 8
FIRST = (FOLDER / "policy.yaml").read_text(encoding="utf-8")
SECOND = (
    FIRST.replace("policy_id: T", "policy_id: T2")
    .replace("amount: 130000", "amount: 90000")
    .replace("amount: 65000", "amount: 70000")
    .replace("limit: 5000000", "limit: 3000000")
    .replace("ratio_ppm: 850000", "ratio_ppm: 880000")
    .replace('"02": 100000', '"02": 50000')
)


@pytest.fixture
def played(databases: Databases) -> Played:
    return played_in(databases)


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
    operations: Iterator[Operation], chance: random.Random, played: Played, model: Model
) -> Iterator[Operation]:
    """Yields operations, and repricings of bills that stand in between; and switches policies."""
    for number, operation in enumerate(operations):
        yield operation
        if number == SWITCH:
            switch(played, model)
        standing = [
            name
            for name, each in sorted(model.books.settlements.items())
            if each.state is State.SETTLED
        ]
        if standing and chance.random() < 0.35:
            ids = chance.sample(standing, min(len(standing), chance.randint(1, 3)))
            yield Reprice(
                op_id=f"p{number}",
                settlement_ids=tuple(ids),
                terms=model.region.in_force,
                maker="clerk",
                checker="head",
            )


@pytest.mark.parametrize(
    ("databases", "seed"), in_turns((200, 214, 223, 234)), indirect=["databases"]
)
@pytest.mark.parametrize("is_dear", [False, True], ids=["usual", "dear"])
def test_a_history_with_repricings_moves_what_the_model_moves(
    played: Played, seed: int, is_dear: bool
) -> None:
    model = Model(region_of({"refund_order": "account_first"}))
    chance = random.Random(seed)
    operations = random_operations(seed, model, is_dear=is_dear)
    repriced = 0
    for operation in with_repricings(operations, chance, played, model):
        moved = run_both(played, model, operation)
        repriced += moved if isinstance(operation, Reprice) else 0
    assert repriced
    assert Counter(posting.kind for posting in model.books.postings)["ADJUSTMENT"]
    assert_alike(played, model)
