"""Relatives' accounts: who pays how much of a bill, and what goes back to whom."""

import datetime as dt

import pytest

from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.account_record import years_of
from yibao_settlement.rules.account_statement import Movement
from yibao_settlement.rules.family import (
    FamilyPart,
    Giver,
    after_moves,
    drawn,
    family_entries,
    family_kept_fen,
    gone_back,
    kept,
    offer_of,
    taken_out,
)
from yibao_settlement.rules.ledger import PostingKind

DAY = dt.date(2026, 11, 20)
ONE_DAY = dt.timedelta(days=1)
PARTS = (FamilyPart("a", "l", 1, 300, 100), FamilyPart("b", "m", 2, 200))


@pytest.mark.parametrize(
    ("first", "last", "is_in_force"),
    [
        (DAY, None, True),
        (DAY + ONE_DAY, None, False),
        (DAY - ONE_DAY, DAY, True),
        (DAY - ONE_DAY, DAY - ONE_DAY, False),
    ],
)
def test_a_link_holds_on_its_first_and_its_last_day(
    first: dt.date, last: dt.date | None, is_in_force: bool
) -> None:
    assert Giver("g", start_date=first, end_date=last).is_in_force(DAY) is is_in_force


@pytest.mark.parametrize(
    ("payment", "year", "used", "holds", "most"),
    [
        (None, None, 0, 500, 500),
        (400, None, 0, 500, 400),
        (400, None, 0, 399, 399),
        (400, 1_000, 600, 500, 400),
        (400, 1_000, 601, 500, 399),
        (None, 1_000, 1_000, 500, 0),
        (None, 1_000, 1_001, 500, 0),
        (None, None, 0, 0, 0),
    ],
)
def test_a_relative_pays_within_account_and_limits(
    payment: int | None, year: int | None, used: int, holds: int, most: int
) -> None:
    giver = Giver("g", payment_limit_fen=payment, year_limit_fen=year)
    assert offer_of(giver, Purses(holds, 0), used_fen=used).most_fen == most


@pytest.mark.parametrize(
    ("amount", "carried_first", "parts"),
    [
        (0, False, []),
        (70, False, [("a", 70, 0)]),
        (101, False, [("a", 101, 1)]),
        (101, True, [("a", 101, 50)]),
        (150, False, [("a", 150, 50)]),
        (151, False, [("a", 150, 50), ("b", 1, 0)]),
        (999, False, [("a", 150, 50), ("b", 20, 0)]),
    ],
)
def test_relatives_pay_one_after_the_other(
    amount: int, carried_first: bool, parts: list[tuple[str, int, int]]
) -> None:
    offers = [
        offer_of(Giver("a"), Purses(100, 50), used_fen=0),
        offer_of(Giver("b"), Purses(20, 0), used_fen=0),
    ]
    found = drawn(offers, amount, carried_first=carried_first)
    assert [(part.giver_id, part.amount_fen, part.carried_fen) for part in found] == parts


@pytest.mark.parametrize(
    ("stays", "back"),
    [
        (500, []),
        (499, [("b", 1, 0)]),
        (300, [("b", 200, 0)]),
        (299, [("b", 200, 0), ("a", 1, 1)]),
        (199, [("b", 200, 0), ("a", 101, 100)]),
        (0, [("b", 200, 0), ("a", 300, 100)]),
    ],
)
def test_who_paid_last_gets_back_first_and_of_a_purse_what_paid_last(
    stays: int, back: list[tuple[str, int, int]]
) -> None:
    found = gone_back(PARTS, kept(PARTS, stays))
    assert [(part.giver_id, part.amount_fen, part.carried_fen) for part in found] == back


def test_of_a_purse_that_paid_carried_money_first_this_years_goes_back_first() -> None:
    part = FamilyPart("a", "l", 1, 300, 100, carried_first=True)
    assert [each.carried_fen for each in gone_back([part], kept([part], 100))] == [0]
    assert [each.carried_fen for each in gone_back([part], kept([part], 99))] == [1]


@pytest.mark.parametrize(("moved", "left"), [(0, 500), (1, 499), (500, 0), (501, 0)])
def test_what_is_moved_into_accounts_goes_to_relatives_first(moved: int, left: int) -> None:
    assert sum(part.amount_fen for part in after_moves(PARTS, moved)) == left


@pytest.mark.parametrize(
    ("taken", "moved", "back", "family_back", "theirs", "own"),
    [
        # Of a bill that relatives paid 50 of: nothing was moved.
        (0, 0, 80, 50, 0, 0),
        # All that was moved went to relatives: what comes back for it fills the own account.
        (10, 10, 80, 50, 10, 0),
        # More was moved than relatives had paid: the rest had gone to the own account.
        (60, 60, 80, 50, 50, 10),
        # Less comes back than was moved.
        (10, 40, 10, 10, 10, 0),
        # The own account gives out no more than what comes back to it.
        (10, 10, 10, 10, 10, 0),
    ],
)
def test_what_is_taken_out_again_is_whose_it_went_to(
    taken: int, moved: int, back: int, family_back: int, theirs: int, own: int
) -> None:
    found = taken_out(
        taken, moved_fen=moved, family_before_fen=50, family_back_fen=family_back, back_fen=back
    )
    assert found == (theirs, own)


@pytest.mark.parametrize(
    ("account", "own_first", "family"),
    [
        (80, False, 50),
        (79, False, 49),
        (30, False, 0),
        (29, False, 0),
        (79, True, 50),
        (20, True, 20),
    ],
)
def test_relatives_get_back_first_unless_the_region_says_otherwise(
    account: int, own_first: bool, family: int
) -> None:
    """A3: own 30.00, relatives 50.00."""
    found = family_kept_fen(
        50, own_most_fen=30, family_most_fen=50, account_fen=account, own_first=own_first
    )
    assert found == family


def test_money_of_relatives_comes_in_and_goes_back_by_entries_that_sum_to_nothing() -> None:
    entries = dict(family_entries([("a", 300, 100), ("b", 200, 0)], receiver_id="r"))
    assert entries == {
        "person:a": -200,
        "carried:a": -100,
        "person:b": -200,
        "person:r": 500,
    }
    back = family_entries([("a", -30, -30)], receiver_id="r", is_receiver_carried=True)
    assert dict(back) == {"carried:a": 30, "carried:r": -30}
    assert family_entries([("r", 5, 0)], receiver_id="r") == ()


def test_years_begin_with_what_the_ones_before_ended_with() -> None:
    def moved(kind: PostingKind, year: int, fen: int) -> Movement:
        time = dt.datetime(year, 3, 1, tzinfo=dt.UTC)
        return Movement(f"{year}{kind.name}", kind, time, Purses(fen, 0))

    booked = [
        moved(PostingKind.CREDIT, 2024, 700),
        moved(PostingKind.SETTLEMENT, 2024, -200),
        moved(PostingKind.FAMILY, 2026, -100),
    ]
    years = years_of(booked, region="500100", person_id="p", today=DAY)
    assert [(each.year, each.opening.balance_fen, each.closing.balance_fen) for each in years] == [
        (2026, 500, 400),
        (2025, 500, 500),
        (2024, 0, 500),
    ]
    assert [(each.credited_fen, each.paid_fen, each.family_fen) for each in years] == [
        (0, 0, -100),
        (0, 0, 0),
        (700, 200, 0),
    ]
    assert years[1].opening == Purses(0, 500)
    for year, count in ((2025, 1), (2023, 0), (2027, 0)):
        told = years_of(booked, region="500100", person_id="p", today=DAY, year=year)
        assert len(told) == count
