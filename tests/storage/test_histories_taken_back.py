"""Histories in regions where later bills keep earlier ones: product and model do the same.

Either the newest is to go first, unless two operators override that, or the institution's own
later bills that the person would owe for are restated, or keep it from taking anything back.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from support.databases import Databases, in_turns
from support.history_model.examples import region_of
from support.history_model.operations import Operation
from support.history_model.region import OwnDebts, Region
from support.history_model.taking_back import as_region_says
from support.history_model.world import World as Model
from support.played_compared import assert_alike, run_both
from support.played_histories import Played, played_in
from support.played_returns import of_service
from support.random_histories import random_operations


@pytest.fixture
def played(databases: Databases) -> Played:
    return played_in(databases)


def model_of(played: Played, **flags: Any) -> Model:
    region: Region = replace(region_of({"refund_order": "account_first"}), **flags)
    played.newest_first, played.own_debts = region.newest_first, of_service(region.own_debts)
    return Model(region)


def run(played: Played, model: Model, seed: int, *, is_dear: bool = False) -> Counter[str]:
    """Plays a history on both; returns how often each operation was refused, and why."""
    ends: Counter[str] = Counter()
    for operation in operations_of(model, seed, is_dear=is_dear):
        run_both(played, model, operation)
        ends[f"{type(operation).__name__} {model.outcomes[operation.op_id].refused}"] += 1
    assert_alike(played, model)
    return ends


def operations_of(model: Model, seed: int, *, is_dear: bool) -> Iterator[Operation]:
    operations = random_operations(seed, model, is_dear=is_dear)
    return as_region_says(operations, random.Random(seed), model)


@pytest.mark.parametrize(("databases", "seed"), in_turns((0, 2)), indirect=["databases"])
def test_the_newest_goes_first_unless_two_operators_override_that(
    played: Played, seed: int
) -> None:
    model = model_of(played, newest_first=True)
    ends = run(played, model, seed)
    assert ends["Refund LATER_SETTLEMENTS_EXIST"] + ends["Reverse LATER_SETTLEMENTS_EXIST"]
    assert ends["ConfirmOverride "]
    # What is taken back without an override moves no later bill.
    moved = [op_id for op_id, each in model.outcomes.items() if each.answer.later_adjusted]
    assert [each for each in moved if "confirmed" in each]
    assert not [each for each in moved if each[0] in "rfk" and "proposed" not in each]


@pytest.mark.parametrize(("databases", "seed"), in_turns((2, 10)), indirect=["databases"])
def test_own_later_bills_that_leave_a_debt_are_restated(played: Played, seed: int) -> None:
    model = model_of(played, own_debts=OwnDebts.RESTATE)
    run(played, model, seed, is_dear=True)
    assert sum(len(each.answer.restated) for each in model.outcomes.values())


@pytest.mark.parametrize(("databases", "seed"), in_turns(range(2)), indirect=["databases"])
def test_own_later_bills_that_leave_a_debt_keep_earlier_ones(played: Played, seed: int) -> None:
    ends = run(played, model_of(played, own_debts=OwnDebts.REFUSE), seed)
    assert ends["Refund LATER_SETTLEMENTS_EXIST"] + ends["Reverse LATER_SETTLEMENTS_EXIST"]
