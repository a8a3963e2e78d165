"""What an institution did at its counters on a day, in the counter's amounts.

What an earlier bill's end moves of a settled one lies between funds and person, and no institution
takes part: it is no act.
"""

import datetime as dt
import enum
from typing import NamedTuple

from yibao_common.values.calendar import shanghai_midnight


class DayActKind(enum.IntEnum):
    """What an act did, by the numbers of the contract."""

    SETTLED = 1
    REVERSED = 2
    REFUNDED = 3
    # One act, of both settlements together.
    CORRECTED = 4


class DayAmounts(NamedTuple):
    """What acts come to, in fen; negative where it was taken back."""

    total_fen: int = 0
    fund_total_fen: int = 0
    account_fen: int = 0
    cash_fen: int = 0

    def plus(self, other: "DayAmounts") -> "DayAmounts":
        """Returns the sum of both."""
        return DayAmounts(*(one + more for one, more in zip(self, other, strict=True)))

    @property
    def other_total_fen(self) -> int:
        """What neither funds nor the person bear."""
        return self.total_fen - self.fund_total_fen - self.account_fen - self.cash_fen


class DayAct(NamedTuple):
    """An act as the insurer has it.

    `act_id` is that of its posting: the settlement itself, the reversal or the refund.
    `request_id` is empty for a reversal of before it was kept that posted nothing.
    `reverse_time` is when the settlement that it made was reversed, of acts that are found by their
    requests: in a list of a day each act stays what it was.
    """

    request_id: str
    kind: DayActKind
    settlement_id: str
    bill_number: str
    amounts: DayAmounts
    act_id: str
    act_time: dt.datetime
    acted_by: str
    reverse_time: dt.datetime | None = None


class DayLine(NamedTuple):
    """An act as the institution tells it; `settlement_id` and `bill_number` may be empty."""

    request_id: str
    kind: DayActKind
    settlement_id: str
    bill_number: str
    amounts: DayAmounts


class DaySpan(NamedTuple):
    """When acts of a day were done: from the first instant to the last, which is left out."""

    start: dt.datetime
    end: dt.datetime


def span_of(day: dt.date, snapshot_time: dt.datetime) -> DaySpan:
    """Returns a day in Asia/Shanghai, as far as it lies before a snapshot."""
    start, end = shanghai_midnight(day), shanghai_midnight(day + dt.timedelta(days=1))
    return DaySpan(start, max(start, min(end, snapshot_time)))


def span_of_days(first: dt.date, last: dt.date, snapshot_time: dt.datetime) -> DaySpan:
    """Returns days in Asia/Shanghai, both included, as far as they lie before a snapshot."""
    return DaySpan(span_of(first, snapshot_time).start, span_of(last, snapshot_time).end)
