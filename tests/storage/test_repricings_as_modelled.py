"""Histories of bills with repricings: the service moves what the model moves, every entry."""

import random
from collections import Counter

import pytest
from support.databases import Databases, in_turns
from support.history_fuzzing.playing import play_in
from support.history_fuzzing.stories import usual_story
from support.history_model.examples import region_of
from support.history_model.operations import Reprice
from support.history_model.world import World as Model
from support.played_compared import assert_alike, run_both
from support.played_histories import Played, played_in
from support.random_histories import random_operations
from support.random_repricings import Switch, switch, with_repricings


@pytest.fixture
def played(databases: Databases) -> Played:
    return played_in(databases)


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
    for operation in with_repricings(operations, chance, model):
        if isinstance(operation, Switch):
            switch(played, model)
            continue
        moved = run_both(played, model, operation)
        repriced += moved if isinstance(operation, Reprice) else 0
    assert repriced
    assert Counter(posting.kind for posting in model.books.postings)["ADJUSTMENT"]
    assert_alike(played, model)


@pytest.mark.parametrize(("databases", "seed"), in_turns((0, 16)), indirect=["databases"])
def test_what_a_third_party_is_liable_for_moves_what_the_model_moves(
    databases: Databases, seed: int
) -> None:
    """Also where bills are corrected in between, and the liability is taken back."""
    model = play_in(databases, usual_story, seed)
    assert any(each.was_liable for each in model.books.settlements.values())
