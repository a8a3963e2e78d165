"""The model of histories and its examples, to the fen and entry by entry."""

from typing import Any

import pytest
from support.history_model.examples import (
    examples,
    operation_of,
    region_of,
    settlements_told,
    told,
    windows_told,
    yuan,
)
from support.history_model.world import World

EXAMPLES = [pytest.param(each, id=each["id"]) for each in examples()]
COUNTED = ("Settle", "Interim", "Hold")


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_answer_and_every_entry_is_that_of_the_example(example: dict[str, Any]) -> None:
    world = World(region_of(example))
    for written in example["operations"]:
        expected = dict(written["expected"])
        if written["operation"] in COUNTED and "refused" not in expected:
            expected["later_adjusted"] = 0
        assert told(world.run(operation_of(written))) == expected, written["id"]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_end_of_an_example_is_as_it_is_told(example: dict[str, Any]) -> None:
    world = World(region_of(example))
    for written in example["operations"]:
        world.run(operation_of(written))
    assert settlements_told(world.books) == example["settlements"]
    assert windows_told(world.books) == example["windows"]
    balances = {account: yuan(fen) for account, fen in world.books.balances.items() if fen}
    assert balances == example["balances"]


def test_all_eight_examples_are_here() -> None:
    assert {each["id"].split()[0] for each in examples()} == {f"X{n}" for n in range(1, 9)}
