"""An agency's figures: acts, refusals, and where the region stands."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_midnight
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.change import told_before
from yibao_settlement.application.report.rows import (
    ActFigure,
    PersonsSum,
    RefusalKey,
    ReviewSum,
)
from yibao_settlement.rules.day.act import DayAmounts, DaySpan
from yibao_settlement.rules.report import FigureBy, RefusalBy, days_problem

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

MOST_REFUSALS = 1_000
_NOTHING = ActFigure("", (0, 0, 0, 0), DayAmounts())


class FigureWish(NamedTuple):
    """Which acts are told, and by what; both days are included, in Asia/Shanghai."""

    region: str
    start: dt.date
    end: dt.date
    by: FigureBy
    institution_id: str
    snapshot_time: dt.datetime | None


class Figures(NamedTuple):
    """A page of figures, what all come to, and the instant before which acts are told."""

    snapshot_time: dt.datetime
    figures: Sequence[ActFigure]
    total: ActFigure


class RefusalFigures(NamedTuple):
    """The most frequent refusals by a key, and how many there were altogether."""

    figures: Sequence[tuple[str, int]]
    refusal_count: int


class Position(NamedTuple):
    """Where a region stands: funds at an instant, all else by now."""

    fund_time: dt.datetime
    funds: Sequence[tuple[str, int]]
    owed: PersonsSum
    owing: PersonsSum
    reviews: Sequence[ReviewSum]
    hold_count: int


class Reports:
    """Reads figures of regions, and counts refusals. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what is read of, and the clock by which acts are done."""
        self._transactions = transactions
        self._clock = clock

    def figures(self, wish: FigureWish, *, after: str, limit: int) -> Figures:
        """Returns at most `limit` figures behind a key.

        Raises RuleError FIELD_OUT_OF_RANGE where the days or the snapshot cannot be told.
        """
        _refuse_days(wish.start, wish.end)
        newest = told_before(self._clock())
        snapshot_time = wish.snapshot_time or newest
        if snapshot_time > newest:
            message = f"acts are told a minute after they were done: until {newest.isoformat()}"
            refuse_faults([FieldFault("snapshot_time", Reason.FIELD_OUT_OF_RANGE, message)])
        start = shanghai_midnight(wish.start)
        end = shanghai_midnight(wish.end + dt.timedelta(days=1))
        span = DaySpan(start, max(start, min(end, snapshot_time)))
        own = {"institution_id": wish.institution_id}
        with self._transactions.read(wish.region) as work:
            figures = work.reports.acts(span, wish.by, **own, after=after, limit=limit)
            total = work.reports.acts(span, None, **own, after="", limit=1)
        return Figures(snapshot_time, figures, total[0] if total else _NOTHING)

    def refusals(
        self, region: str, start: dt.date, end: dt.date, by: RefusalBy, institution_id: str
    ) -> RefusalFigures:
        """Returns what was refused on some days; raises RuleError FIELD_OUT_OF_RANGE."""
        _refuse_days(start, end)
        own = {"institution_id": institution_id}
        with self._transactions.read(region) as work:
            found = work.reports.refusals(start, end, by, **own, limit=MOST_REFUSALS)
            return RefusalFigures(found, work.reports.refusal_count(start, end, **own))

    def position(self, region: str, day: dt.date | None) -> Position:
        """Returns where a region stands, the funds at the end of a day or now.

        Raises RuleError FIELD_OUT_OF_RANGE where the day's postings cannot be told yet.
        """
        newest = told_before(self._clock())
        fund_time = newest
        if day is not None:
            fund_time = shanghai_midnight(day + dt.timedelta(days=1))
            if fund_time > newest:
                message = f"is not over: postings are told until {newest.isoformat()}"
                refuse_faults([FieldFault("date", Reason.FIELD_OUT_OF_RANGE, message)])
        with self._transactions.read(region) as work:
            rows = work.reports
            owed, owing = rows.differences()
            return Position(
                fund_time, rows.funds_at(fund_time), owed, owing, rows.reviews(), rows.hold_count()
            )

    def count_refusals(self, region: str, counts: Mapping[RefusalKey, int]) -> None:
        """Stores how often calls were refused since it was stored before."""
        self._transactions.change(region, lambda work: work.reports.count_refusals(counts))


def _refuse_days(start: dt.date, end: dt.date) -> None:
    if problem := days_problem(start, end):
        refuse_faults([FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, problem)])
