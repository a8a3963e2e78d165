"""Periods as rows."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, execute, insert_rows
from yibao_settlement.application.checkpoint import BEFORE_ALL
from yibao_settlement.rules.period.close import Period, PeriodClose, PeriodState, PeriodSum
from yibao_settlement.storage import tables
from yibao_settlement.storage.period.sums import payables_of, sums_of

CLOSE_COLUMNS = PeriodClose._fields
_close = tables.period_close.c


class StoredPeriods:
    """See `application.period.rows.PeriodRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def lock(self) -> None:
        """Locks the region's fence, which whoever ended a month has made."""
        fence = tables.posting_fence.c
        self._connection.execute(
            sa.select(fence.ended_month).where(fence.region == self._region).with_for_update()
        )

    def end_month(self, month: int) -> None:
        """Lets whatever begins after this transaction post nothing in months up to this one."""
        table = tables.posting_fence
        columns = ("region", "posting_id", "ended_month")
        row = (self._region, BEFORE_ALL, 0)
        insert_rows(self._connection, table, columns, [row], skip_existing=True)
        self._connection.execute(
            sa.update(table)
            .where(table.c.region == self._region, table.c.ended_month < month)
            .values(ended_month=month)
        )

    def find(self, close_id: str) -> PeriodClose | None:
        """Returns what was proposed, or None."""
        found = self._closes(_close.close_id == close_id)
        return found[0] if found else None

    def last_closed(self, institution_id: str) -> PeriodClose | None:
        """Returns the last month of an institution, or of the funds, that is closed."""
        found = self._closes(
            _close.institution_id == institution_id, _close.close_time.is_not(None)
        )
        return max(found, key=lambda each: each.month, default=None)

    def first_time(self, institution_id: str) -> dt.datetime | None:
        """Returns when an institution settled first, or anything was posted in the region."""
        settlement, posting = tables.settlement.c, tables.posting.c
        settled = sa.select(settlement.settle_time).where(settlement.region == self._region)
        queries = [settled.order_by(settlement.settle_time).limit(1)]
        if institution_id:
            of_institution = settlement.institution_id == institution_id
            queries = [each.where(of_institution) for each in queries]
        else:
            posted = sa.select(posting.post_time).where(posting.region == self._region)
            queries.append(posted.order_by(posting.posting_id).limit(1))
        found = [self._connection.execute(each).scalar_one_or_none() for each in queries]
        return min((each for each in found if each is not None), default=None)

    def sums(self, period: Period) -> list[PeriodSum]:
        """Returns what was posted in a period, summed from the entries, by account."""
        return sums_of(self._connection, self._region, period)

    def closed_sums(self, close_id: str) -> list[PeriodSum]:
        """Returns the sums that were kept when a period was closed."""
        table = tables.period_sum
        columns = [table.c[name] for name in PeriodSum._fields]
        rows = self._connection.execute(
            sa.select(*columns).where(table.c.region == self._region, table.c.close_id == close_id)
        )
        return sorted(PeriodSum._make(row) for row in rows)

    def newest(self, period: Period) -> PeriodClose | None:
        """Returns what closed a period, else what was proposed last, or None."""
        found = self._closes(
            _close.institution_id == period.institution_id, _close.month == period.month
        )
        return max(found, key=_standing, default=None)

    def of_month(self, month: int) -> dict[str, PeriodClose]:
        """Returns the newest of each period of a month, by institution; "" are the funds."""
        found = sorted(self._closes(_close.month == month), key=_standing)
        return {each.institution_id: each for each in found}

    def payables(self, month: int) -> dict[str, tuple[int, int]]:
        """Returns what institutions are owed for a month, in fen and in how many entries."""
        return payables_of(self._connection, self._region, month)

    def institution_ids(self) -> list[str]:
        """Returns the institutions that the region has an agreement with, or had."""
        institution = tables.institution.c
        query = sa.select(institution.institution_id).where(institution.region == self._region)
        return list(self._connection.execute(query).scalars())

    def insert(self, close: PeriodClose) -> None:
        """Stores what is proposed."""
        execute(self._connection, [Insert(tables.period_close, CLOSE_COLUMNS, [(*close,)])])

    def close(self, close: PeriodClose, sums: Sequence[PeriodSum]) -> None:
        """Stores that a period is closed, with its sums, once."""
        table = tables.period_close
        changed = self._connection.execute(
            sa.update(table)
            .where(
                table.c.region == self._region,
                table.c.close_id == close.close_id,
                table.c.close_time.is_(None),
            )
            .values(state=int(close.state), checker=close.checker, close_time=close.close_time)
        )
        assert changed.rowcount == 1, close.close_id
        columns = ("region", "close_id", *PeriodSum._fields)
        rows = [(self._region, close.close_id, *each) for each in sums]
        execute(self._connection, [Insert(tables.period_sum, columns, rows)])

    def _closes(self, *conditions: sa.ColumnElement[bool]) -> list[PeriodClose]:
        columns = [_close[name] for name in CLOSE_COLUMNS]
        query = sa.select(*columns).where(_close.region == self._region, *conditions)
        return [close_from(tuple(row)) for row in self._connection.execute(query)]


def close_from(row: Row) -> PeriodClose:
    """Returns what a row of CLOSE_COLUMNS tells."""
    values: dict[str, Any] = dict(zip(CLOSE_COLUMNS, row, strict=True))
    return PeriodClose(**{**values, "state": PeriodState(values["state"])})


def _standing(close: PeriodClose) -> tuple[bool, str]:
    return close.close_time is not None, close.close_id
