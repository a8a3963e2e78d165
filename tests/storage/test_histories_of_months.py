"""Months are closed in random histories: each comes to what a model of them says (H11)."""

import random

import pytest
from support.databases import Databases, in_turns
from support.history_model.examples import region_of
from support.history_model.operations import Close, Expire, Operation, PassTime
from support.history_model.world import World as Model
from support.played_compared import assert_alike
from support.played_histories import played_in
from support.played_months import JANUARY, Calendar, modelled
from support.random_histories import random_operations
from support.random_repricings import SWITCH_AFTER, Switch, with_liability, with_repricings


@pytest.mark.parametrize(("databases", "seed"), in_turns(range(4)), indirect=["databases"])
def test_a_closed_month_comes_to_what_the_model_says(databases: Databases, seed: int) -> None:
    played = played_in(databases)
    model = Model(region_of({"refund_order": "account_first"}))
    # Many months lie in one benefit year.
    played.world.clock.now = JANUARY
    calendar = Calendar(played)
    for operation in random_operations(seed, model, closes=True):
        calendar.run(model, operation)
    booked = calendar.booked()
    assert booked == modelled(model)
    # Some were closed, and something was posted behind them.
    assert max(number for _, number, _ in booked) > 1
    assert_alike(played, model)


def test_nothing_is_put_between_the_end_of_a_month_and_its_closing() -> None:
    # The model counts to a month whatever is before its closing.
    before = [Expire(op_id=f"x{number}") for number in range(SWITCH_AFTER)]
    closing: list[Operation] = [
        PassTime(op_id="month", seconds=1),
        Close(op_id="H1", institution_id="H1"),
        Close(op_id="all"),
    ]
    model = Model(region_of({"refund_order": "account_first"}))
    behind = Expire(op_id="behind")
    operations = iter([*before, *closing, behind])
    for wrap in (with_repricings, with_liability):
        operations = wrap(operations, random.Random(1), model)
    found = list(operations)
    assert found[:-1] == [*before, *closing, behind]
    assert isinstance(found[-1], Switch)
