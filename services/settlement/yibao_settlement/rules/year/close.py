"""Closing a benefit year (年度结转): one operator proposes, another one confirms.

Years are closed one after the other, once they are over, and never opened again. Each person
with bills of the year then gets a closing statement (`statement`). Nothing of a person's bills
waits for it: what comes later is allowed as before, and stands beside the statement.
"""

import datetime as dt
import enum
from typing import NamedTuple

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.period.month import end_of
from yibao_settlement.rules.year.statement import NO_SUMS, YearSums


class YearState(enum.IntEnum):
    """Where a benefit year is in its life; stored from the third on, but for the last."""

    # The year goes on.
    OPEN = 1
    # It is over, and nobody has proposed to close it.
    OVER = 2
    # Another operator is to confirm.
    PROPOSED = 3
    # It is closed; statements are being taken, person by person.
    CLOSED = 4
    # Every person with bills of it has a statement.
    TAKEN = 5


class YearCounts(NamedTuple):
    """What stands settled of a year: persons, bills, and their fees as settled, in fen."""

    person_count: int = 0
    bill_count: int = 0
    total_fen: int = 0


class YearClose(NamedTuple):
    """That a benefit year is to be closed, or was.

    `counts` are those of the proposal, which the checker read. `checker` and `close_time` are
    None until it is confirmed.
    """

    region: str
    close_id: str
    benefit_year: int
    counts: YearCounts
    maker: str
    propose_time: dt.datetime
    state: YearState = YearState.PROPOSED
    checker: str | None = None
    close_time: dt.datetime | None = None


class Taking(NamedTuple):
    """How far the statements of a closed year are taken, in the order of persons' ids.

    `reached_id` is the last id that was passed, None before the first; `is_walked` tells that
    nobody is behind it. `sums` are those of all statements, `digest` follows from all of them in
    the order in which they were taken. `finish_time` is None until everybody was passed and
    nobody is left whose statement could not be taken.
    """

    reached_id: str | None = None
    is_walked: bool = False
    statement_count: int = 0
    sums: YearSums = NO_SUMS
    digest: bytes = b""
    finish_time: dt.datetime | None = None


def last_month(benefit_year: int) -> int:
    """Returns the last month of a benefit year, such as 202612: years are those of the calendar."""
    return benefit_year * 100 + 12


def check_year_over(benefit_year: int, now: dt.datetime) -> None:
    """Raises YEAR_NOT_OVER while a benefit year goes on by the calendar of China."""
    end = end_of(last_month(benefit_year))
    if now < end:
        raise RuleError(
            Reason.YEAR_NOT_OVER,
            f"benefit year {benefit_year} goes on until {end.isoformat()}",
            benefit_year=str(benefit_year),
            end_time=end.isoformat(),
        )


def check_next_year(benefit_year: int, *, last_closed: int | None, first_year: int | None) -> None:
    """Raises YEAR_CLOSED, or YEAR_OUT_OF_ORDER where an earlier year is to be closed first.

    `first_year` is the first one that anything was settled of, None where nothing was.
    """
    if last_closed is not None and benefit_year <= last_closed:
        raise year_closed(benefit_year, last_closed)
    due = first_year if last_closed is None else last_closed + 1
    if due is not None and benefit_year > due:
        raise RuleError(
            Reason.YEAR_OUT_OF_ORDER,
            f"benefit year {due} is to be closed before {benefit_year}",
            benefit_year=str(due),
        )


def check_year_checker(close: YearClose, *, checker: str) -> None:
    """Raises YEAR_CLOSED where it is closed, SAME_MAKER_AND_CHECKER."""
    if close.state is not YearState.PROPOSED:
        raise year_closed(close.benefit_year, close.benefit_year)
    if is_same_operator(close.maker, checker):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "who proposed to close a year cannot confirm it"
        )


def check_year_read(close: YearClose, read: YearCounts) -> None:
    """Raises YEAR_CLOSE_STATE where the checker read other counts than were proposed.

    Bills that came since the proposal refuse nothing: a statement is of its own moment.
    """
    if read != close.counts:
        persons, bills, total_fen = close.counts
        raise RuleError(
            Reason.YEAR_CLOSE_STATE,
            f"benefit year {close.benefit_year} was proposed with {bills} bills of {persons} "
            f"persons and {total_fen} fen",
            person_count=str(persons),
            bill_count=str(bills),
            total_fen=str(total_fen),
        )


def closed_year(close: YearClose, *, checker: str, now: dt.datetime) -> YearClose:
    """Returns the year closed; `check_year_checker` comes first."""
    assert close.state is YearState.PROPOSED, close.state
    return close._replace(state=YearState.CLOSED, checker=checker, close_time=now)


def year_state(
    benefit_year: int, close: YearClose | None, taking: Taking, *, now: dt.datetime
) -> YearState:
    """Returns where a year is in its life, by what closed it or was proposed last."""
    if close is None:
        return YearState.OPEN if now < end_of(last_month(benefit_year)) else YearState.OVER
    return YearState.TAKEN if taking.finish_time is not None else close.state


def year_closed(benefit_year: int, closed_through: int) -> RuleError:
    """Returns the refusal of a year that is closed."""
    return RuleError(
        Reason.YEAR_CLOSED,
        f"benefit years through {closed_through} are closed",
        benefit_year=str(benefit_year),
        closed_through=str(closed_through),
    )


def year_close_not_found(close_id: str) -> RuleError:
    """Returns the refusal for what nobody proposed."""
    return RuleError(Reason.YEAR_CLOSE_NOT_FOUND, f"no closing {close_id}", close_id=close_id)
