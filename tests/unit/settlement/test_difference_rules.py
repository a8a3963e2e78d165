"""What is moved into accounts, taken out again and posted of differences, to the fen."""

import datetime as dt

import pytest

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.difference import (
    Borne,
    Columns,
    adjustment_entries,
    effective_account_fen,
    move_entries,
    purses_moved,
    purses_taken,
    taken_fen,
)
from yibao_settlement.rules.difference_order import DifferenceOrder, OrderKind, order_entries
from yibao_settlement.rules.ledger import PostingKind

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("moved_fen", "returned_fen", "fen"),
    [(0, 100, 0), (40, 100, 40), (100, 40, 40), (40, 40, 40), (40, 0, 0), (40, -5, 0)],
)
def test_no_more_is_taken_out_than_was_moved_or_is_given_back(
    moved_fen: int, returned_fen: int, fen: int
) -> None:
    assert taken_fen(moved_fen, returned_fen=returned_fen) == fen


@pytest.mark.parametrize(
    ("moved_fen", "fen", "is_year_over", "purses"),
    [
        (0, 29, False, Purses(0, 29)),
        (0, 30, False, Purses(0, 30)),
        (0, 31, False, Purses(1, 30)),
        (29, 2, False, Purses(1, 1)),
        (30, 2, False, Purses(2, 0)),
        (0, 31, True, Purses(0, 31)),
        (30, 2, True, Purses(0, 2)),
    ],
)
def test_money_of_earlier_years_comes_back_first(
    moved_fen: int, fen: int, is_year_over: bool, purses: Purses
) -> None:
    found = purses_moved(fen, moved_fen=moved_fen, carried_paid_fen=30, is_year_over=is_year_over)
    assert found == purses


@pytest.mark.parametrize(
    ("fen", "carried_back_fen", "purses"),
    [(5, 0, Purses(5, 0)), (5, 4, Purses(1, 4)), (5, 5, Purses(0, 5)), (5, 9, Purses(0, 5))],
)
def test_it_is_taken_out_of_what_comes_back(
    fen: int, carried_back_fen: int, purses: Purses
) -> None:
    assert purses_taken(fen, carried_back_fen=carried_back_fen) == purses


@pytest.mark.parametrize(
    ("personal_fen", "moved_fen", "fen"),
    [(100, 0, 70), (100, 30, 40), (90, 0, 60), (90, 5, 60), (90, 10, 60), (90, 11, 59), (5, 0, 0)],
)
def test_an_account_bears_no_more_than_it_has_not_got_back(
    personal_fen: int, moved_fen: int, fen: int
) -> None:
    found = effective_account_fen(
        personal_fen, counter_account_fen=70, counter_personal_fen=100, moved_fen=moved_fen
    )
    assert found == fen


def test_what_was_moved_is_taken_out_by_the_adjustment() -> None:
    counter, effective = Borne({"fund:1": 600}, 300, 100), Borne({"fund:1": 750}, 150, 100)
    entries = adjustment_entries(
        Columns(counter, effective, 120),
        Columns(counter, counter),
        person_id="p",
        taken=Purses(90, 30),
    )
    assert dict(entries) == {"fund:1": 150, "due:p": -30, "person:p": -90, "carried:p": -30}


def test_what_is_taken_out_has_to_be_what_was_moved() -> None:
    counter, effective = Borne({"fund:1": 600}, 300, 100), Borne({"fund:1": 750}, 150, 100)
    with pytest.raises(InvariantError):
        adjustment_entries(
            Columns(counter, effective, 120),
            Columns(counter, counter),
            person_id="p",
            taken=Purses(90, 29),
        )


def test_a_move_goes_from_what_is_due_into_the_purses() -> None:
    entries = move_entries(Purses(3, 4), person_id="p")
    assert dict(entries) == {"due:p": -7, "person:p": 3, "carried:p": 4}
    assert dict(move_entries(Purses(3, 0), person_id="p")) == {"due:p": -3, "person:p": 3}


@pytest.mark.parametrize(
    ("kind", "fund_type", "posted_as", "entries"),
    [
        (
            OrderKind.PAY_OUT,
            None,
            PostingKind.DIFFERENCE_PAID,
            {"difference:p": -7, "payment:o": 7},
        ),
        (
            OrderKind.COLLECT,
            None,
            PostingKind.DIFFERENCE_COLLECTED,
            {"difference:p": 7, "payment:o": -7},
        ),
        (
            OrderKind.WRITE_OFF,
            "310100",
            PostingKind.DIFFERENCE_WRITTEN_OFF,
            {"difference:p": 7, "writeoff:310100": -7},
        ),
    ],
)
def test_an_order_posts_what_it_is_for(
    kind: OrderKind, fund_type: str | None, posted_as: PostingKind, entries: dict[str, int]
) -> None:
    order = DifferenceOrder("999019", "o", "p", kind, 7, fund_type, "agreed", "a", NOW)
    assert order.posting_kind is posted_as
    assert dict(order_entries(order, person_id="p")) == entries
