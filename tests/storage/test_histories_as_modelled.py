"""Histories of bills and reversals: the service moves what a model of them moves, every entry.

The model decides bills by the second evaluator and knows nothing of the service
(`docs/internals/histories.md`).
"""

import operator
from collections import Counter
from dataclasses import replace

import pytest
from support.databases import Databases, in_turns
from support.history_model.bills import Bill as ModelBill
from support.history_model.bills import Line
from support.history_model.examples import (
    DAY,
    FACTS,
    Json,
    examples,
    region_of,
)
from support.history_model.operations import (
    Credit,
    Refund,
    Settle,
)
from support.history_model.world import World as Model
from support.played_compared import assert_alike, run_both
from support.played_histories import Played, built, played_in
from support.random_histories import random_operations

from yibao_settlement.rules.refund import RefundOrder

# Most others move less.
SEEDS = (0, 2, 12, 14, 16, 17)


@pytest.fixture
def played(databases: Databases) -> Played:
    return played_in(databases)


@pytest.mark.parametrize(
    "example", [each for each in examples() if built(each)], ids=operator.itemgetter("id")
)
def test_an_example_is_settled_to_the_fen(played: Played, example: Json) -> None:
    model = Model(region_of(example))
    played.refund_order = RefundOrder(example["refund_order"])
    for operation in built(example):
        run_both(played, model, operation)
    assert_alike(played, model)


@pytest.mark.parametrize("order", RefundOrder)
@pytest.mark.parametrize(("databases", "seed"), in_turns(SEEDS), indirect=["databases"])
def test_a_random_history_moves_what_the_model_moves(
    played: Played, seed: int, order: RefundOrder
) -> None:
    model = Model(region_of({"refund_order": order.value}))
    played.refund_order = order
    moved = [run_both(played, model, operation) for operation in random_operations(seed, model)]
    assert sum(moved)
    assert_alike(played, model)


def test_what_a_person_bears_less_goes_back_to_the_account_first_in_effect(
    played: Played,
) -> None:
    """Also in a region whose counters give back cash first."""
    model = Model(region_of({"refund_order": "cash_first"}))
    played.refund_order = RefundOrder.CASH_FIRST
    words = {"date": DAY, "admitted": DAY, "facts": FACTS}
    early, later = (
        ModelBill(
            {**words, "visit": visit},
            (Line(fen * 10_000, 10_000, {"class": "01"}), Line(10_000, 10_000, {"class": "01"})),
            account_used=True,
        )
        for visit, fen in (("s1", 60_000_00), ("s2", 20_000_00))
    )
    for operation in (
        Credit(op_id="C", person_id="p1", amount_fen=1_500_00),
        Settle(
            op_id="b1", person_id="p1", institution_id="H1", bill=replace(early, account_used=False)
        ),
        Settle(op_id="b2", person_id="p1", institution_id="H2", bill=later),
        Refund(op_id="f1", settlement_id="b1", returned={0: 10_000}),
    ):
        run_both(played, model, operation)
    counter, effective = played.columns("b2")
    assert effective["account"] < counter["account"]
    assert_alike(played, model)


# In these, money that was moved into the account is taken out again.
@pytest.mark.parametrize("order", RefundOrder)
@pytest.mark.parametrize(
    ("databases", "seed"), in_turns([4, 17, 18, 22, 29]), indirect=["databases"]
)
def test_a_history_of_dear_care_moves_what_the_model_moves(
    played: Played, seed: int, order: RefundOrder
) -> None:
    model = Model(region_of({"refund_order": order.value}))
    played.refund_order = order
    for operation in random_operations(seed, model, is_dear=True):
        run_both(played, model, operation)
    kinds = Counter(posting.kind for posting in model.books.postings)
    assert kinds["MOVE"]
    assert any(
        posting.kind == "ADJUSTMENT" and posting.entries.get("person:p1", 0) < 0
        for posting in model.books.postings
    )
    assert_alike(played, model)
