"""Months of postings, and what refuses that one is closed (H11)."""

import datetime as dt

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.period.close import (
    Period,
    PeriodClose,
    PeriodState,
    PeriodSum,
    amount_of,
    check_checker,
    check_next,
    check_over,
    check_read,
    closed,
    count_of,
)
from yibao_settlement.rules.period.month import (
    PostingFence,
    end_of,
    is_month,
    month_of,
    next_month,
    original_month,
)

HOSPITAL = "H99901900001"
# The first instant of December in China.
DECEMBER = dt.datetime(2026, 11, 30, 16, tzinfo=dt.UTC)
TICK = dt.timedelta(microseconds=1)


def close_of(month: int, **changes: object) -> PeriodClose:
    close = PeriodClose("999019", "c1", HOSPITAL, month, 4, 700, "agency/999019/wang", DECEMBER)
    return close._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("instant", "month"),
    [
        (DECEMBER - TICK, 202611),
        (DECEMBER, 202612),
        (dt.datetime(2026, 12, 31, 15, 59, 59, tzinfo=dt.UTC), 202612),
        (dt.datetime(2026, 12, 31, 16, tzinfo=dt.UTC), 202701),
    ],
)
def test_a_posting_is_of_the_month_in_china(instant: dt.datetime, month: int) -> None:
    assert month_of(instant) == month


@pytest.mark.parametrize(("month", "after"), [(202611, 202612), (202612, 202701)])
def test_a_month_ends_where_the_next_one_begins(month: int, after: int) -> None:
    assert next_month(month) == after
    assert (month_of(end_of(month) - TICK), month_of(end_of(month))) == (month, after)


@pytest.mark.parametrize(
    ("number", "is_one"),
    [(202600, False), (202601, True), (202612, True), (202613, False), (199712, False)],
)
def test_a_month_is_a_year_and_one_of_twelve(number: int, is_one: bool) -> None:
    assert is_month(number) is is_one


def test_what_changes_something_of_the_same_month_refers_to_none() -> None:
    assert original_month(None, 202612) is None
    assert original_month(DECEMBER, 202612) is None
    assert original_month(DECEMBER - TICK, 202612) == 202611


def test_nothing_is_posted_at_a_time_in_a_month_that_has_ended() -> None:
    fence = PostingFence("", 202611)
    assert fence.time(DECEMBER - TICK) == DECEMBER
    assert fence.time(DECEMBER + TICK) == DECEMBER + TICK
    assert PostingFence().time(DECEMBER) == DECEMBER


def test_a_month_is_over_from_the_first_instant_of_the_next() -> None:
    check_over(202611, DECEMBER)
    with pytest.raises(RuleError) as refusal:
        check_over(202611, DECEMBER - TICK)
    assert refusal.value.reason is Reason.PERIOD_NOT_OVER


@pytest.mark.parametrize(
    ("month", "last_closed", "first_month", "reason"),
    [
        (202611, None, 202611, None),
        (202610, None, 202611, None),
        (202612, None, 202611, Reason.PERIOD_OUT_OF_ORDER),
        (202612, None, None, None),
        (202612, 202611, 202609, None),
        (202701, 202611, 202609, Reason.PERIOD_OUT_OF_ORDER),
        (202701, 202612, 202609, None),
        (202611, 202611, 202609, Reason.PERIOD_CLOSED),
        (202610, 202611, 202609, Reason.PERIOD_CLOSED),
    ],
)
def test_months_are_closed_one_after_the_other(
    month: int, last_closed: int | None, first_month: int | None, reason: Reason | None
) -> None:
    refused = None
    try:
        check_next(
            Period(HOSPITAL, month),
            last_closed=None if last_closed is None else close_of(last_closed),
            first_month=first_month,
        )
    except RuleError as refusal:
        refused = refusal.reason
    assert refused is reason


def test_another_operator_closes_it_once() -> None:
    close = close_of(202611)
    with pytest.raises(RuleError) as refusal:
        check_checker(close, checker=close.maker)
    assert refusal.value.reason is Reason.SAME_MAKER_AND_CHECKER
    check_checker(close, checker="agency/999019/li")
    done = closed(close, checker="agency/999019/li", now=DECEMBER)
    assert (done.state, done.checker, done.close_time) == (
        PeriodState.CLOSED,
        "agency/999019/li",
        DECEMBER,
    )
    with pytest.raises(RuleError) as refusal:
        check_checker(done, checker="agency/999019/li")
    assert refusal.value.reason is Reason.PERIOD_CLOSED


@pytest.mark.parametrize(
    ("read", "booked"), [((701, 4), (700, 4)), ((700, 5), (700, 4)), ((700, 4), (700, 5))]
)
def test_what_was_read_and_proposed_and_is_booked_is_one(
    read: tuple[int, int], booked: tuple[int, int]
) -> None:
    check_read(close_of(202611), (700, 4), (700, 4))
    with pytest.raises(RuleError) as refusal:
        check_read(close_of(202611), read, booked)
    assert refusal.value.reason is Reason.PERIOD_CLOSE_STATE
    assert refusal.value.metadata == {
        "amount_fen": str(booked[0]),
        "entry_count": str(booked[1]),
    }


def test_an_institution_is_owed_its_payable_and_funds_bear_what_left_them() -> None:
    sums = [
        PeriodSum("fund:310100", 1, 0, 3, -900),
        PeriodSum("fund:330100", 1, 0, 1, -50),
        PeriodSum("fund:310100", 2, 202610, 1, 200),
        PeriodSum(f"payable:{HOSPITAL}", 1, 0, 3, 1_000),
        PeriodSum(f"payable:{HOSPITAL}", 2, 202610, 1, -200),
        PeriodSum("person:", 1, 0, 2, -50),
    ]
    of_hospital, of_funds = Period(HOSPITAL, 202611), Period("", 202611)
    assert (amount_of(of_hospital, sums), count_of(of_hospital, sums)) == (800, 4)
    assert (amount_of(of_funds, sums), count_of(of_funds, sums)) == (750, 11)
