"""The statement of an account: what it held, what moved it, what it holds."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yibao_common.values.calendar import SHANGHAI, shanghai_day
from yibao_common.values.masking import Paper
from yibao_common.values.sheet import cells_of
from yibao_settlement.rules.account import NO_PURSES, Purses
from yibao_settlement.rules.account_statement import (
    AccountStatement,
    MovedBill,
    MovedRelative,
    Movement,
    statement_of,
)
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.statement.account_form import account_sheet_of
from yibao_settlement.rules.statement.form import Printing

CREDIT, BILL, CARRY = PostingKind.CREDIT, PostingKind.SETTLEMENT, PostingKind.CARRY_OVER


def at(text: str, kind: PostingKind, current: int, carried: int = 0, id: str = "") -> Movement:
    """Returns a movement at a time of Shanghai."""
    time = dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(dt.UTC)
    return Movement(id or text, kind, time, Purses(current, carried))


def made(booked: list[Movement], since: str, until: str) -> AccountStatement:
    return statement_of(
        booked,
        region="999019",
        person_id="p",
        start_date=dt.date.fromisoformat(since),
        end_date=dt.date.fromisoformat(until),
    )


YEAR = ("2026-01-01", "2026-12-31")
YEARS = [
    at("2025-03-01T10:00", CREDIT, 50_000),
    at("2025-11-30T23:59:59", BILL, -12_345),
    at("2026-02-03T08:00", CARRY, -37_655, 37_655),
    # Booked at the same time, under an id that was made before.
    at("2026-02-03T08:00", CREDIT, 20_000, id="0"),
    at("2026-04-01T00:00", BILL, -20_000, -5_000),
]


def test_a_statement_begins_and_ends_with_what_the_account_held() -> None:
    statement = made(YEARS, "2025-12-01", "2026-12-31")
    assert statement.opening == Purses(37_655, 0)
    assert [each.kind for each in statement.movements] == [CARRY, CREDIT, BILL]
    assert statement.closing == Purses(0, 32_655)
    assert (statement.credited_fen, statement.paid_fen, statement.moved_fen) == (20_000, 25_000, 0)


@pytest.mark.parametrize(
    ("since", "until", "kinds"),
    [
        ("2025-11-30", "2025-11-30", [BILL]),
        ("2025-12-01", "2025-12-31", []),
        ("2026-04-01", "2026-04-01", [BILL]),
        ("2026-02-04", "2026-03-31", []),
    ],
)
def test_days_are_those_of_shanghai_with_both_ends(
    since: str, until: str, kinds: list[PostingKind]
) -> None:
    assert [each.kind for each in made(YEARS, since, until).movements] == kinds


def test_a_rest_is_carried_over_at_new_year_whenever_that_was_booked() -> None:
    assert made(YEARS, "2025-12-01", "2025-12-31").closing == Purses(37_655, 0)
    january = made(YEARS, "2026-01-01", "2026-01-31")
    assert january.opening == Purses(37_655, 0)
    assert january.closing == Purses(0, 37_655)
    (carry,) = january.movements
    assert shanghai_day(carry.move_time) == dt.date(2026, 1, 1)
    assert made(YEARS, "2026-01-02", "2026-01-31").opening == Purses(0, 37_655)


def test_a_rest_that_nothing_booked_yet_is_carried_over_too() -> None:
    booked = YEARS[:2]
    assert made(booked, "2026-01-01", "2026-12-31").closing == Purses(0, 37_655)
    # Of years without a movement there is one New Year that matters.
    assert made(booked, "2027-01-01", "2028-05-01").opening == Purses(0, 37_655)
    late = [*booked, at("2028-06-01T09:00", CARRY, -37_655, 37_655)]
    assert made(late, "2027-01-01", "2028-12-31").opening == Purses(0, 37_655)
    assert made(late, "2027-01-01", "2028-12-31").movements == ()


def test_an_account_that_never_moved_has_an_empty_statement() -> None:
    statement = made([], "2026-01-01", "2026-12-31")
    assert (statement.opening, statement.movements, statement.closing) == (NO_PURSES, (), NO_PURSES)


START = dt.datetime(2023, 1, 1, tzinfo=dt.UTC)
KINDS = st.sampled_from([each for each in PostingKind if each is not CARRY])
MOVEMENTS = st.lists(
    st.builds(
        Movement,
        st.uuids().map(str),
        KINDS,
        st.integers(0, 4 * 366 * 86_400).map(lambda each: START + dt.timedelta(seconds=each)),
        st.builds(Purses, st.integers(-900, 900), st.integers(-900, 900)),
    ),
    max_size=12,
)
DAYS = st.dates(dt.date(2023, 1, 1), dt.date(2027, 12, 31))


@given(MOVEMENTS, DAYS, DAYS, DAYS)
def test_statements_of_days_that_follow_each_other_are_one(
    booked: list[Movement], one: dt.date, two: dt.date, three: dt.date
) -> None:
    first, middle, last = sorted((one, two, three))
    next_day = middle + dt.timedelta(days=1)
    if next_day > last:
        return
    whole, early, late = (
        made(booked, str(since), str(until))
        for since, until in ((first, last), (first, middle), (next_day, last))
    )
    assert early.closing == late.opening
    assert (whole.opening, whole.closing) == (early.opening, late.closing)
    assert whole.movements == (*early.movements, *late.movements)
    moved_fen = sum(each.amount_fen for each in whole.movements)
    assert whole.closing.balance_fen == whole.opening.balance_fen + moved_fen
    told_fen = whole.credited_fen - whole.paid_fen + whole.family_fen + whole.moved_fen
    assert told_fen == moved_fen


@given(MOVEMENTS)
def test_the_end_of_a_statement_is_what_was_booked(booked: list[Movement]) -> None:
    statement = made(booked, "2023-01-01", "2027-12-31")
    assert statement.closing.balance_fen == sum(each.amount_fen for each in booked)


def printed(paper: Paper, booked: list[Movement]) -> list[str]:
    printing = Printing(paper, "王小芳", "110101195001010018", dt.date(2026, 11, 29))
    return cells_of(account_sheet_of(made(booked, "2025-01-01", "2026-11-29"), printing).front)


def test_the_sheet_tells_each_movement_with_the_balance_after_it() -> None:
    cells = printed(Paper.SIGNED, YEARS)
    assert "王小芳" in cells
    assert "年度结转" in cells
    # Opening, each balance in turn, closing.
    for balance in ("500.00", "376.55", "576.55", "326.55"):
        assert balance in cells
    assert "叁佰贰拾陆元伍角伍分" in cells


def test_a_copy_shows_no_more_of_a_person_than_it_has_to() -> None:
    cells = printed(Paper.COPY, YEARS)
    assert "王小芳" not in cells
    assert "*小芳" in cells
    assert "110101********0018" in cells


def test_a_sheet_without_movements_says_so() -> None:
    assert "本期无业务" in printed(Paper.SIGNED, [])


def test_the_sheet_tells_whose_money_came_and_went_and_no_bill_of_theirs() -> None:
    there, where = MovedBill("", "H50011200001", "一医院", ""), ("亲属共济", "兄弟姐妹 李*、一医院")
    came = at("2026-05-01T09:00", PostingKind.FAMILY, 700)._replace(
        bill=there, relatives=(MovedRelative(5, "李*", 700),)
    )
    went = at("2026-05-02T09:00", PostingKind.FAMILY, -200)._replace(
        bill=there, relatives=(MovedRelative(1, "", -200),)
    )
    cells = printed(Paper.SIGNED, [*YEARS, came, went])
    at_row = cells.index(where[0])
    assert cells[at_row : at_row + 4] == [*where, "", "7.00"]
    assert "配偶、一医院" in cells
    # What came from relatives and went to them is told by itself, and the rest is as before.
    sums = cells[cells.index("亲属共济（转入为正）") :]
    assert sums[3] == "5.00"
    assert "亲属共济（转入为正）" not in printed(Paper.SIGNED, YEARS)


def test_what_was_booked_at_one_time_never_takes_what_is_not_there() -> None:
    """Ids of bills are made before those of what they are paid with, or replace."""
    given, bill = PostingKind.FAMILY, "2026-05-01T10:00"
    family = made([at(bill, BILL, -40_00, id="1"), at(bill, given, 40_00, id="2")], *YEAR)
    assert [each.kind for each in family.movements] == [given, BILL]
    corrected = [
        at("2026-02-01T08:00", CREDIT, 50_00),
        at("2026-03-01T08:00", BILL, -50_00),
        at(bill, BILL, -30_00, id="1"),
        at(bill, PostingKind.REVERSAL, 50_00, id="2"),
    ]
    kinds = [each.kind for each in made(corrected, *YEAR).movements]
    assert kinds[2:] == [PostingKind.REVERSAL, BILL]


@pytest.mark.parametrize("rest", [0, 200])
def test_what_a_bill_of_the_year_before_gives_back_was_not_there_at_new_year(rest: int) -> None:
    reversed_at = "2026-07-01T10:00"
    booked = [
        at("2025-11-01T08:00", CREDIT, 50_000 + rest),
        at("2025-11-02T08:00", BILL, -50_000),
        *([at(reversed_at, CARRY, -rest, rest, id="1")] if rest else []),
        at(reversed_at, CARRY, -50_000, 50_000, id="2"),
        at(reversed_at, PostingKind.REVERSAL, 50_000, id="3"),
    ]
    spring = made(booked, "2026-01-01", "2026-06-30")
    assert (spring.opening, spring.closing) == (Purses(rest, 0), Purses(0, rest))
    summer = made(booked, "2026-07-01", "2026-07-31")
    assert [each.kind for each in summer.movements] == [PostingKind.REVERSAL, CARRY]
    assert summer.closing == Purses(0, 50_000 + rest)
