"""Figures of a region: acts summed, refusals counted, and where funds and persons stand."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from yibao_common.values.calendar import shanghai_day
from yibao_settlement.application.report.rows import (
    ActFigure,
    PersonsSum,
    RefusalKey,
    ReportRows,
    ReviewSum,
)
from yibao_settlement.rules.day.act import DayActKind, DayAmounts, DaySpan
from yibao_settlement.rules.hold import HoldState
from yibao_settlement.rules.report import FigureBy, RefusalBy
from yibao_settlement.rules.review import ReviewState
from yibao_settlement.storage import tables
from yibao_settlement.storage.day.acts import OfTime, acts_of
from yibao_settlement.storage.period.sums import named_accounts

_FUND, _DIFFERENCE = "fund:", "difference:"
_KINDS = tuple(DayActKind)
_OPEN_REVIEWS = (int(ReviewState.OPEN), int(ReviewState.PROPOSED))
_REFUSED = tables.refusal_count.c
_REFUSED_BY = {
    RefusalBy.REASON: _REFUSED.reason,
    RefusalBy.INSTITUTION: _REFUSED.institution_id,
    RefusalBy.METHOD: _REFUSED.method,
    RefusalBy.DAY: _REFUSED.day,
}


class StoredReports(ReportRows):
    """Figures of a region; see `ReportRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes a transaction's connection."""
        self._connection = connection
        self._region = region

    def acts(
        self,
        span: DaySpan,
        by: FigureBy | None,
        *,
        institution_id: str,
        after: str,
        limit: int,
    ) -> list[ActFigure]:
        """Returns at most `limit` figures behind a key."""
        act = acts_of(self._region, institution_id, _within(span)).c
        if by is FigureBy.FUND:
            return self._by_fund(act, after, limit)
        amounts = [sa.func.sum(act[name]) for name in DayAmounts._fields]
        if by is None:
            query = sa.select(sa.literal(""), *_counts(act.kind), *amounts).having(
                sa.func.count() > 0
            )
            return [_figure(row) for row in self._connection.execute(query)]
        source: sa.FromClause = act.act_id.table
        if by is FigureBy.CARE_TYPE:
            visit = tables.visit.c
            is_own = sa.and_(visit.region == self._region, visit.visit_id == act.visit_id)
            source = source.join(tables.visit, is_own)
        key = self._key(act, by)
        query = sa.select(key, *_counts(act.kind), *amounts).select_from(source)
        rows = self._connection.execute(_paged(query, key, after, limit))
        return [_figure(row) for row in rows]

    def refusals(
        self, start: dt.date, end: dt.date, by: RefusalBy, *, institution_id: str, limit: int
    ) -> list[tuple[str, int]]:
        """Returns keys with how often there was a refusal, most often first."""
        key, count = _REFUSED_BY[by], sa.func.sum(_REFUSED.count)
        query = sa.select(key, count).where(*self._refused(start, end, institution_id))
        rows = self._connection.execute(
            query.group_by(key).order_by(count.desc(), key).limit(limit)
        )
        return [(str(each), int(number)) for each, number in rows]

    def refusal_count(self, start: dt.date, end: dt.date, *, institution_id: str) -> int:
        """Returns how often there was a refusal on some days."""
        total = sa.func.coalesce(sa.func.sum(_REFUSED.count), 0)
        query = sa.select(total).where(*self._refused(start, end, institution_id))
        return int(self._connection.execute(query).scalar_one())

    def count_refusals(self, counts: Mapping[RefusalKey, int]) -> None:
        """Adds refusals to those that are counted, in one order so that nobody waits in a ring."""
        is_postgresql = self._connection.dialect.name == "postgresql"
        insert = postgresql.insert if is_postgresql else sqlite.insert
        statement: Any = insert(tables.refusal_count)
        added = _REFUSED.count + statement.excluded.count
        statement = statement.on_conflict_do_update(
            index_elements=list(tables.refusal_count.primary_key), set_={"count": added}
        )
        rows = [
            {"region": self._region, **key._asdict(), "count": count}
            for key, count in sorted(counts.items())
        ]
        if rows:
            self._connection.execute(statement, rows)

    def funds_at(self, instant: dt.datetime) -> list[tuple[str, int]]:
        """Returns each fund's balance: whole months, and what was posted in the last one."""
        day = shanghai_day(instant)
        month = day.year * 100 + day.month
        entry, settlement, posting = tables.entry.c, tables.settlement.c, tables.posting.c
        post_time = sa.func.coalesce(settlement.settle_time, posting.post_time)
        is_before = sa.or_(entry.month < month, sa.and_(entry.month == month, post_time < instant))
        source = tables.entry.outerjoin(
            tables.settlement,
            sa.and_(
                settlement.region == entry.region, settlement.settlement_id == entry.posting_id
            ),
        ).outerjoin(
            tables.posting,
            sa.and_(posting.region == entry.region, posting.posting_id == entry.posting_id),
        )
        found = []
        for account_id in named_accounts(self._connection, self._region, _FUND):
            balance = sa.func.coalesce(sa.func.sum(entry.amount_fen), 0)
            query = sa.select(balance).select_from(source)
            query = query.where(
                entry.region == self._region, entry.account_id == account_id, is_before
            )
            amount_fen = int(self._connection.execute(query).scalar_one())
            found.append((account_id.removeprefix(_FUND), amount_fen))
        return found

    def differences(self) -> tuple[PersonsSum, PersonsSum]:
        """Returns who is owed something, and who owes."""
        entry = tables.entry.c
        balance = sa.func.sum(entry.amount_fen).label("balance")
        balances = (
            sa.select(balance)
            .where(
                entry.region == self._region,
                entry.account_id >= _DIFFERENCE,
                entry.account_id < _DIFFERENCE.replace(":", ";"),
            )
            .group_by(entry.account_id)
            .subquery()
        )
        found = []
        for is_one, sign in ((balances.c.balance > 0, 1), (balances.c.balance < 0, -1)):
            total = sa.func.coalesce(sa.func.sum(balances.c.balance), 0)
            query = sa.select(sa.func.count(), total).where(is_one)
            count, amount_fen = self._connection.execute(query).one()
            found.append(PersonsSum(count, sign * int(amount_fen)))
        owed, owing = found
        return owed, owing

    def reviews(self) -> list[ReviewSum]:
        """Returns the cases that are not closed, by state."""
        review = tables.review.c
        query = (
            sa.select(review.state, sa.func.count(), sa.func.sum(review.total_fen))
            .where(review.region == self._region, review.state.in_(_OPEN_REVIEWS))
            .group_by(review.state)
            .order_by(review.state)
        )
        rows = self._connection.execute(query)
        return [ReviewSum(state, count, int(total_fen)) for state, count, total_fen in rows]

    def hold_count(self) -> int:
        """Returns how many bills are held."""
        hold = tables.hold.c
        query = sa.select(sa.func.count()).where(
            hold.region == self._region, hold.state == int(HoldState.HELD)
        )
        return int(self._connection.execute(query).scalar_one())

    def _by_fund(self, act: Any, after: str, limit: int) -> list[ActFigure]:
        """Returns what each fund pays by the ledger, and in how many acts.

        A correction posts twice: the settlement, and the reversal of the one before.
        """
        accounts = list(named_accounts(self._connection, self._region, _FUND))
        entry = tables.entry.c
        postings = sa.union_all(
            *(
                sa.select(act.kind, act.act_id, act[name].label("posting_id"))
                for name in ("act_id", "undone_id")
            )
        ).subquery("act_posting")
        is_posted = sa.and_(
            entry.region == self._region,
            entry.account_id.in_(accounts),
            entry.posting_id == postings.c.posting_id,
        )
        amount = sa.func.sum(entry.amount_fen).label("amount_fen")
        one_act = (entry.account_id, postings.c.kind, postings.c.act_id)
        query = sa.select(*one_act, amount).select_from(postings.join(tables.entry, is_posted))
        posted = query.group_by(*one_act).subquery("posted").c
        key = sa.func.substr(posted.account_id, len(_FUND) + 1)
        none = sa.literal(0)
        amounts = (none, -sa.func.sum(posted.amount_fen), none, none)
        figures = sa.select(key, *_counts(posted.kind), *amounts)
        rows = self._connection.execute(_paged(figures, key, after, limit))
        return [_figure(row) for row in rows]

    def _key(self, act: Any, by: FigureBy) -> sa.ColumnElement[str]:
        columns: dict[FigureBy, sa.ColumnElement[str]] = {
            FigureBy.INSTITUTION: act.institution_id,
            FigureBy.INSURANCE_TYPE: act.insurance_type,
            FigureBy.CARE_TYPE: tables.visit.c.care_type,
        }
        if by in columns:
            return columns[by]
        is_day = by is FigureBy.DAY
        if self._connection.dialect.name == "postgresql":
            there = sa.func.timezone(sa.text("INTERVAL '8 hours'"), act.act_time)
            return sa.func.to_char(there, "YYYY-MM-DD" if is_day else "YYYYMM")
        seconds = sa.type_coerce(act.act_time, sa.BigInteger) // 1_000_000 + 8 * 3600
        return sa.func.strftime("%Y-%m-%d" if is_day else "%Y%m", seconds, "unixepoch")

    def _refused(
        self, start: dt.date, end: dt.date, institution_id: str
    ) -> list[sa.ColumnElement[bool]]:
        conditions = [_REFUSED.region == self._region, _REFUSED.day.between(start, end)]
        if institution_id:
            conditions.append(_REFUSED.institution_id == institution_id)
        return conditions


def _within(span: DaySpan) -> OfTime:
    return lambda column: sa.and_(column >= span.start, column < span.end)


def _counts(kind: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    return [sa.func.sum(sa.case((kind == int(each), 1), else_=0)) for each in _KINDS]


def _paged(
    query: sa.Select[Any], key: sa.ColumnElement[str], after: str, limit: int
) -> sa.Select[Any]:
    """Returns a query of figures by key, those behind one."""
    if after:
        query = query.where(key > after)
    # By its place: the same expression with parameters is another one to PostgreSQL.
    return query.group_by(sa.text("1")).order_by(sa.text("1")).limit(limit)


def _figure(row: sa.Row[Any]) -> ActFigure:
    key, *rest = tuple(row)
    # PostgreSQL sums to a number without a limit.
    one, two, three, four, *amounts = map(int, rest)
    return ActFigure(key, (one, two, three, four), DayAmounts(*amounts))
