"""Random histories: what holds after any sequence, and which faults the checks catch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.history_model.bills import Bill, Line
from support.history_model.checks import Checks
from support.history_model.examples import DAY, FACTS, region_of
from support.history_model.histories_played import Played, play, shortest, violated
from support.history_model.operations import (
    Correct,
    Credit,
    MoveDue,
    Operation,
    Reverse,
    Settle,
)
from support.history_model.outcomes import Outcome
from support.history_model.region import Region, Wrong
from support.history_model.regions import region
from support.history_model.world import World

SEEDS = range(5)
# Histories in which each fault does harm.
CAUGHT = {
    Wrong.SUBTRACT: (4, "H2"),
    Wrong.RATIO: (0, "H2"),
    Wrong.HOLD_LEAK: (0, "H2"),
    Wrong.AGAINST_ORIGINAL: (4, "H3"),
    Wrong.ACCOUNT_AS_CASH: (4, "H9"),
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


def stay(visit: str, item_class: str, *, account_used: bool) -> Bill:
    words = {"visit": visit, "date": DAY, "admitted": DAY, "facts": FACTS}
    return Bill(words, (Line(20_000_000_000, 10_000, {"class": item_class}),), account_used)


# The first stay counts nothing, then is corrected and counts: the second costs 520.00 less,
# which its purse gets back. Then the first is gone again.
PUT_BACK: tuple[Operation, ...] = (
    Credit(op_id="C1", person_id="p1", amount_fen=500_000),
    Settle(
        op_id="A1",
        person_id="p1",
        institution_id="H1",
        bill=stay("s1", "03", account_used=False),
    ),
    Settle(
        op_id="A2",
        person_id="p1",
        institution_id="H2",
        bill=stay("s2", "01", account_used=True),
    ),
    Correct(op_id="A1b", settlement_id="A1", bill=stay("s1", "01", account_used=False)),
    MoveDue(op_id="M1", person_id="p1"),
    Reverse(op_id="R1", settlement_id="A1b"),
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


@pytest.mark.parametrize("wrong", CAUGHT)
def test_a_fault_is_caught(wrong: Wrong) -> None:
    seed, check = CAUGHT[wrong]
    found = play(seed, wrong=wrong).violation
    assert found is not None
    assert found.check == check


def test_what_was_put_back_into_a_purse_counts_once() -> None:
    place = region_of({"refund_order": "account_first"})
    found = violated(replace(place, wrong=Wrong.MOVED_FORGOTTEN), PUT_BACK)
    assert found is not None
    assert found.check == "H6"
    assert violated(place, PUT_BACK) is None
    world = World(place)
    moved = [world.run(each) for each in PUT_BACK][-2]
    assert moved.answer.amount_fen == 52_000


def test_a_history_is_made_short_where_a_check_fails() -> None:
    found = play(4, wrong=Wrong.SUBTRACT)
    assert found.violation is not None
    place = region(4, wrong=Wrong.SUBTRACT)
    kept = shortest(place, found.operations, "H2")
    assert 3 <= len(kept) < len(found.operations)
    assert violated(place, kept) is not None
    assert violated(region(4), kept) is None
    for operation in kept:
        fewer = [each for each in kept if each is not operation]
        left = violated(place, fewer)
        assert left is None or left.check != "H2"


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
