"""Random histories: what holds after any sequence, and which faults the checks catch."""

from collections import Counter
from collections.abc import Sequence

import pytest
from support.history_model.checks import Checks
from support.history_model.histories_played import Played, play, shortest, violated
from support.history_model.operations import Operation
from support.history_model.outcomes import Outcome
from support.history_model.region import Region, Wrong
from support.history_model.regions import region
from support.history_model.world import World

SEEDS = range(8)
# Histories in which each fault does harm; that of MOVE needs most to have happened.
CAUGHT = {
    Wrong.SUBTRACT: (2, "H2"),
    Wrong.RATIO: (0, "H2"),
    Wrong.HOLD_LEAK: (4, "H2"),
    Wrong.AGAINST_ORIGINAL: (2, "H3"),
    Wrong.ACCOUNT_AS_CASH: (4, "H9"),
    Wrong.MOVED_FORGOTTEN: (12, "H6"),
}
EVERY_KIND = (
    "Settle",
    "Interim",
    "Hold",
    "Confirm",
    "Release",
    "Refund",
    "Reverse",
    "Correct",
    "Reprice",
    "Close",
    "SettleDifference",
)


@pytest.fixture(scope="module")
def played() -> list[Played]:
    return [play(seed) for seed in SEEDS]


def outcomes_of(place: Region, operations: Sequence[Operation]) -> list[Outcome]:
    world = World(place)
    return [world.run(each) for each in operations]


def test_after_any_sequence_the_bills_cost_what_they_cost_in_order(played: list[Played]) -> None:
    assert {each.seed: each.violation for each in played} == dict.fromkeys(SEEDS)


def test_histories_have_every_operation_and_move_later_bills(played: list[Played]) -> None:
    ends = sum((each.ends for each in played), Counter[str]())
    assert [kind for kind in EVERY_KIND if not ends[f"{kind} done"]] == []
    assert ends["adjustments"] > 20


def test_a_history_that_is_played_again_has_the_same_outcomes(played: list[Played]) -> None:
    first = played[2]
    place = region(first.seed)
    assert outcomes_of(place, first.operations) == outcomes_of(place, first.operations)


@pytest.mark.parametrize("wrong", list(Wrong))
def test_a_fault_is_caught(wrong: Wrong) -> None:
    seed, check = CAUGHT[wrong]
    found = play(seed, wrong=wrong).violation
    assert found is not None
    assert found.check == check


def test_a_history_is_made_short_where_a_check_fails() -> None:
    found = play(2, wrong=Wrong.SUBTRACT)
    place = region(2, wrong=Wrong.SUBTRACT)
    kept = shortest(place, found.operations, "H2")
    # Two bills, and the first of them reversed, which left the second as it was.
    assert [type(each).__name__ for each in kept][-1] == "Reverse"
    assert len(kept) == 3
    assert violated(place, kept) is not None
    assert violated(region(2), kept) is None


def test_an_operation_that_breaks_off_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    operations = play(2, steps=12).operations
    world = World(region(2))
    checks = Checks(world)
    for operation in operations[:-1]:
        checks.run(operation)
    before = world.books

    def breaks_off(*_: object) -> None:
        raise InterruptedError

    monkeypatch.setattr("support.history_model.world.keep", breaks_off)
    with pytest.raises(InterruptedError):
        world.run(operations[-1])
    monkeypatch.undo()
    assert world.books is before
    checks.check()
    checks.run(operations[-1])
