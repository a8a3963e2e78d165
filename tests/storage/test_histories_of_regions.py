"""Histories under generated policies of every construct: the service moves what the model moves.

`make fuzz-settlement` plays thousands, docs/internals/histories.md lists what is left out.
"""

import pytest
from support.databases import Databases, in_turns
from support.history_fuzzing.playing import play_in
from support.history_fuzzing.stories import region_story
from support.region_histories.cases import region_case


@pytest.mark.parametrize(("databases", "seed"), in_turns((10, 15, 22, 43)), indirect=["databases"])
def test_a_history_under_a_generated_policy_moves_what_the_model_moves(
    databases: Databases, seed: int
) -> None:
    play_in(databases, region_story, seed)


def test_a_bill_returned_whole_owes_nothing_of_earlier_bills(databases: Databases) -> None:
    """Its step tops up what the year's bills come to, and owed it with the bill that is gone."""
    model = play_in(databases, region_story, 65)
    assert model.books.settlements["o19"].bill.is_empty
    assert model.outcomes["o20"].postings


def test_a_counter_may_limit_what_a_step_pays_and_the_fees_of_it(databases: Databases) -> None:
    """The step may take of each what is left: both together are no fault of the books."""
    play_in(databases, region_story, 38)


def test_a_line_returned_whole_opens_no_leg_of_what_is_left(databases: Databases) -> None:
    """What is left is cut into periods as a bill that never had the line."""
    model = play_in(databases, region_story, 1_430_036)
    assert not model.outcomes["o51"].refused
    assert [line.quantity for line in model.books.settlements["o5"].bill.lines[:2]] == [0, 0]


@pytest.mark.parametrize("seed", [611, 905, 2_000_450])
def test_a_visit_goes_on_from_where_it_was_registered_to(seed: int) -> None:
    said: dict[str, set[str]] = {}
    for bills in region_case(seed).bills.values():
        for _, bill in bills:
            words = bill.words
            told = f"{words['stay']['visit']} {words['chain']} {words.get('transfer_from')}"
            said.setdefault(words["visit"], set()).add(told)
    assert {len(each) for each in said.values()} == {1}
