"""Periods as they are read: their state, their sums, and those of a month together."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from yibao_settlement.application.period.rows import PeriodRows
from yibao_settlement.rules.period.close import (
    Period,
    PeriodClose,
    PeriodState,
    PeriodSum,
    amount_of,
    count_of,
)
from yibao_settlement.rules.period.month import end_of


class FoundPeriod(NamedTuple):
    """A period as it is; of one that is closed, the amount and count it was closed with.

    `close` is what closed it, or was proposed last. `sums` are by account, none in lists.
    """

    period: Period
    state: PeriodState
    amount_fen: int
    entry_count: int
    close: PeriodClose | None
    sums: Sequence[PeriodSum] = ()


def find_period(rows: PeriodRows, period: Period, *, now: dt.datetime) -> FoundPeriod:
    """Returns a period with its sums: the entries', or those that it was closed with."""
    close = rows.newest(period)
    state = state_of(period.month, close, now=now)
    if close is not None and state is PeriodState.CLOSED:
        sums = rows.closed_sums(close.close_id)
    else:
        sums = rows.sums(period)
    return FoundPeriod(period, state, amount_of(period, sums), count_of(period, sums), close, sums)


def periods_of_month(
    rows: PeriodRows, month: int, *, after: str | None, limit: int, now: dt.datetime
) -> list[FoundPeriod]:
    """Returns at most `limit` periods of a month: the funds', then those of institutions.

    Institutions come in the order of their ids, behind that of `after`.
    """
    closes, booked = rows.of_month(month), dict(rows.payables(month))
    ids = {"", *rows.institution_ids(), *booked, *closes}
    page = sorted(each for each in ids if after is None or each > after)[:limit]
    if "" in page:
        sums = rows.sums(Period("", month))
        booked[""] = amount_of(Period("", month), sums), count_of(Period("", month), sums)
    return [
        _listed(Period(each, month), closes.get(each), booked.get(each, (0, 0)), now)
        for each in page
    ]


def _listed(
    period: Period, close: PeriodClose | None, booked: tuple[int, int], now: dt.datetime
) -> FoundPeriod:
    state = state_of(period.month, close, now=now)
    if close is not None and state is PeriodState.CLOSED:
        booked = close.amount_fen, close.entry_count
    return FoundPeriod(period, state, *booked, close)


def state_of(month: int, close: PeriodClose | None, *, now: dt.datetime) -> PeriodState:
    """Returns the state of a period, by what closed it or was proposed last."""
    if close is not None:
        return close.state
    return PeriodState.OPEN if now < end_of(month) else PeriodState.OVER
