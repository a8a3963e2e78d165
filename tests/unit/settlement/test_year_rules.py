"""When a year may be closed, and what its statements' sums and digests are."""

import datetime as dt
from typing import Any

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.year.close import (
    Taking,
    YearClose,
    YearCounts,
    YearState,
    check_next_year,
    check_year_checker,
    check_year_over,
    check_year_read,
    closed_year,
    year_state,
)
from yibao_settlement.rules.year.statement import (
    NO_SUMS,
    BillMark,
    YearColumn,
    YearStatement,
    YearSums,
    digest_with,
)

END = dt.datetime(2026, 12, 31, 16, tzinfo=dt.UTC)
CLOSE = YearClose("999019", "c", 2026, YearCounts(1, 2, 300), "agency/999019/a", END)
COLUMN = YearColumn((("bearer:treasury", 5), ("fund:310100", 70)), 10, 20, 3)
SUMS = YearSums(1, 105, COLUMN, COLUMN._replace(cash_fen=25), -5, 2)
STATEMENT = YearStatement(
    "999019", 2026, "p", 1, END, SUMS, (("deductible", 7),), 0, 9, (BillMark("s", 2, 1, 0),)
)


def reason_of(check: object, *arguments: object, **named: object) -> Reason | None:
    assert callable(check)
    try:
        check(*arguments, **named)
    except RuleError as refusal:
        return refusal.reason
    return None


@pytest.mark.parametrize(
    ("now", "reason"),
    [(END - dt.timedelta(microseconds=1), Reason.YEAR_NOT_OVER), (END, None)],
)
def test_a_year_is_over_at_midnight_in_china(now: dt.datetime, reason: Reason | None) -> None:
    assert reason_of(check_year_over, 2026, now) is reason


@pytest.mark.parametrize(
    ("year", "last_closed", "first_year", "reason"),
    [
        (2026, None, 2026, None),
        (2025, None, 2026, None),
        (2027, None, 2026, Reason.YEAR_OUT_OF_ORDER),
        (2026, None, None, None),
        (2026, 2026, 2026, Reason.YEAR_CLOSED),
        (2025, 2026, 2026, Reason.YEAR_CLOSED),
        (2027, 2026, 2026, None),
        (2028, 2026, 2026, Reason.YEAR_OUT_OF_ORDER),
    ],
)
def test_years_are_closed_one_after_the_other(
    year: int, last_closed: int | None, first_year: int | None, reason: Reason | None
) -> None:
    found = reason_of(check_next_year, year, last_closed=last_closed, first_year=first_year)
    assert found is reason


def test_another_operator_closes_what_was_read() -> None:
    assert reason_of(check_year_checker, CLOSE, checker=CLOSE.maker) is (
        Reason.SAME_MAKER_AND_CHECKER
    )
    assert reason_of(check_year_checker, CLOSE, checker="b") is None
    done = closed_year(CLOSE, checker="b", now=END)
    assert (done.state, done.checker, done.close_time) == (YearState.CLOSED, "b", END)
    assert reason_of(check_year_checker, done, checker="b") is Reason.YEAR_CLOSED
    assert reason_of(check_year_read, CLOSE, CLOSE.counts) is None
    for at in range(3):
        read = list(CLOSE.counts)
        read[at] += 1
        assert reason_of(check_year_read, CLOSE, YearCounts(*read)) is Reason.YEAR_CLOSE_STATE


@pytest.mark.parametrize(
    ("close", "finish_time", "now", "state"),
    [
        (None, None, END - dt.timedelta(seconds=1), YearState.OPEN),
        (None, None, END, YearState.OVER),
        (CLOSE, None, END, YearState.PROPOSED),
        (CLOSE._replace(state=YearState.CLOSED), None, END, YearState.CLOSED),
        (CLOSE._replace(state=YearState.CLOSED), END, END, YearState.TAKEN),
    ],
)
def test_the_state_of_a_year(
    close: YearClose | None, finish_time: dt.datetime | None, now: dt.datetime, state: YearState
) -> None:
    assert year_state(2026, close, Taking(finish_time=finish_time), now=now) is state


def test_sums_add_up_and_what_comes_to_nothing_is_left_out() -> None:
    assert SUMS.effective.fund_fen == 70
    assert SUMS.plus(NO_SUMS) == SUMS
    assert SUMS.minus(SUMS) == NO_SUMS
    twice = SUMS.plus(SUMS)
    assert (twice.bill_count, twice.difference_fen, twice.due_fen) == (2, -10, 4)
    assert twice.counter.payers == (("bearer:treasury", 10), ("fund:310100", 140))
    assert twice.minus(SUMS) == SUMS


@pytest.mark.parametrize("name", YearStatement._fields)
def test_a_digest_follows_from_everything_that_a_statement_says(name: str) -> None:
    digest = digest_with(b"", STATEMENT)
    assert len(digest) == 32
    value = getattr(STATEMENT, name)
    other: Any = {
        int: lambda: value + 1,
        str: lambda: value + "x",
        dt.datetime: lambda: value + dt.timedelta(microseconds=1),
    }.get(type(value), lambda: value[:-1])()
    assert digest_with(b"", STATEMENT._replace(**{name: other})) != digest
    assert digest_with(digest, STATEMENT) != digest


def test_a_digest_is_the_same_in_every_time_zone() -> None:
    there = STATEMENT._replace(take_time=END.astimezone(dt.timezone(dt.timedelta(hours=8))))
    assert digest_with(b"", there) == digest_with(b"", STATEMENT)
