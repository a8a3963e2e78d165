"""Closing a month of the funds or of an institution: one operator proposes, another confirms.

Months are closed one after the other, once they are over, and never opened again. What was
posted in one is summed by account, by what posted it and by the month that it changes
something of; the sums of a whole posting, and so of a month, come to zero.
"""

import datetime as dt
import enum
from collections.abc import Sequence
from typing import NamedTuple

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.ledger import fund_account, payable_account
from yibao_settlement.rules.period.month import end_of, next_month


class Period(NamedTuple):
    """A month of an institution, or of the funds where `institution_id` is empty."""

    institution_id: str
    month: int


class PeriodState(enum.IntEnum):
    """Where a period is in its life; only the last one is stored, and that it was proposed."""

    # The month goes on.
    OPEN = 1
    # It is over and takes nothing any more from the moment that somebody proposes to close it.
    OVER = 2
    # Another operator is to confirm.
    PROPOSED = 3
    CLOSED = 4


class PeriodSum(NamedTuple):
    """What was posted in a period to an account, by one kind of posting, in fen.

    Accounts of persons and of the bank's payments are summed by their kind, such as `person:`.
    `original_month` is 0 for what changes nothing of an earlier month.
    """

    account_id: str
    kind: int
    original_month: int
    entry_count: int
    amount_fen: int


class PeriodClose(NamedTuple):
    """That a period is to be closed, or was.

    `amount_fen` is what the institution is owed for the month, or what the funds bore in it;
    `entry_count` tells how many entries that is, see `count_of`. `checker` and `close_time` are
    None until it is confirmed.
    """

    region: str
    close_id: str
    institution_id: str
    month: int
    entry_count: int
    amount_fen: int
    maker: str
    propose_time: dt.datetime
    state: PeriodState = PeriodState.PROPOSED
    checker: str | None = None
    close_time: dt.datetime | None = None

    @property
    def period(self) -> Period:
        """What it closes."""
        return Period(self.institution_id, self.month)


def amount_of(period: Period, sums: Sequence[PeriodSum]) -> int:
    """Returns what an institution is owed for a month, or what the funds bore in it, in fen."""
    if period.institution_id:
        payable = payable_account(period.institution_id)
        return sum(each.amount_fen for each in sums if each.account_id == payable)
    funds = fund_account("")
    return -sum(each.amount_fen for each in sums if each.account_id.startswith(funds))


def count_of(period: Period, sums: Sequence[PeriodSum]) -> int:
    """Returns how many entries a period has: of an institution its own, of the funds all."""
    payable = payable_account(period.institution_id)
    return sum(
        each.entry_count for each in sums if not period.institution_id or each.account_id == payable
    )


def check_over(month: int, now: dt.datetime) -> None:
    """Raises PERIOD_NOT_OVER while a month goes on."""
    end = end_of(month)
    if now < end:
        raise RuleError(
            Reason.PERIOD_NOT_OVER,
            f"month {month} goes on until {end.isoformat()}",
            month=str(month),
            end_time=end.isoformat(),
        )


def check_next(period: Period, *, last_closed: PeriodClose | None, first_month: int | None) -> None:
    """Raises PERIOD_CLOSED, or PERIOD_OUT_OF_ORDER where an earlier month is to be closed first.

    `last_closed` is the last one of the funds or the institution, `first_month` the first in
    which anything was posted of it, None where nothing was.
    """
    if last_closed is not None and period.month <= last_closed.month:
        raise RuleError(
            Reason.PERIOD_CLOSED,
            f"months through {last_closed.month} are closed",
            month=str(period.month),
            closed_through=str(last_closed.month),
        )
    due = first_month if last_closed is None else next_month(last_closed.month)
    if due is not None and period.month > due:
        raise RuleError(
            Reason.PERIOD_OUT_OF_ORDER,
            f"month {due} is to be closed before {period.month}",
            month=str(due),
        )


def check_checker(close: PeriodClose, *, checker: str) -> None:
    """Raises PERIOD_CLOSED where it is closed, SAME_MAKER_AND_CHECKER."""
    if close.state is PeriodState.CLOSED:
        raise RuleError(
            Reason.PERIOD_CLOSED,
            f"month {close.month} is closed",
            month=str(close.month),
            closed_through=str(close.month),
        )
    if is_same_operator(close.maker, checker):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "who proposed to close a month cannot confirm it"
        )


def check_read(close: PeriodClose, read: tuple[int, int], booked: tuple[int, int]) -> None:
    """Raises PERIOD_CLOSE_STATE where what is booked is not what was proposed and read.

    Each is an amount in fen and a number of entries.
    """
    if not read == booked == (close.amount_fen, close.entry_count):
        amount_fen, entry_count = booked
        raise RuleError(
            Reason.PERIOD_CLOSE_STATE,
            f"month {close.month} comes to {amount_fen} fen in {entry_count} entries",
            amount_fen=str(amount_fen),
            entry_count=str(entry_count),
        )


def closed(close: PeriodClose, *, checker: str, now: dt.datetime) -> PeriodClose:
    """Returns the period closed; `check_checker` comes first."""
    assert close.state is PeriodState.PROPOSED, close.state
    return close._replace(state=PeriodState.CLOSED, checker=checker, close_time=now)


def close_not_found(close_id: str) -> RuleError:
    """Returns the refusal for what nobody proposed."""
    return RuleError(Reason.PERIOD_CLOSE_NOT_FOUND, f"no closing {close_id}", close_id=close_id)
