"""Bills of benefit years as stored: whose they are, and all that became of each."""

import datetime as dt
from collections.abc import Collection, Sequence

import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute
from yibao_settlement.application.year.rows import RecordPage
from yibao_settlement.application.year.sums import BillHistory
from yibao_settlement.rules.year.close import YearCounts
from yibao_settlement.storage import tables
from yibao_settlement.storage.difference.move import moved_by_settlement, moves_of
from yibao_settlement.storage.refund.record import each_left, select_refunds
from yibao_settlement.storage.settlement.adjustment import adjustment_from, select_adjustments
from yibao_settlement.storage.settlement.sequence import stored_records

_settlement, _visit = tables.settlement.c, tables.visit.c
_OF_VISITS = sa.join(
    tables.visit,
    tables.settlement,
    sa.and_(_settlement.region == _visit.region, _settlement.visit_id == _visit.visit_id),
)


def counts_by_year(connection: sa.Connection, region: str) -> dict[int, YearCounts]:
    """Returns what stands settled of each year; reads all settlements of the region."""
    rows = connection.execute(
        sa.select(
            _settlement.benefit_year,
            sa.func.count(sa.distinct(_settlement.person_id)),
            sa.func.count(),
            sa.func.sum(_settlement.total_fen),
        )
        .where(_settlement.region == region, _settlement.reversal_id.is_(None))
        .group_by(_settlement.benefit_year)
    )
    return {year: YearCounts(persons, bills, int(fen)) for year, persons, bills, fen in rows}


def records_behind(
    connection: sa.Connection, region: str, benefit_year: int, after: str | None, *, limit: int
) -> RecordPage:
    """Returns which of the next `limit` records behind one have bills of a year that stand."""
    standing = tables.person_standing.c
    query = sa.select(standing.person_id).where(standing.region == region)
    if after is not None:
        query = query.where(standing.person_id > after)
    query = query.order_by(standing.person_id).limit(limit)
    ids = list(connection.execute(query).scalars())
    if not ids:
        return RecordPage((), None)
    of_year = connection.execute(
        sa.select(_visit.person_id)
        .select_from(_OF_VISITS)
        .where(
            _visit.region == region,
            _visit.person_id.in_(ids),
            _settlement.benefit_year == benefit_year,
            _settlement.reversal_id.is_(None),
        )
        .distinct()
    ).scalars()
    return RecordPage(sorted(of_year), ids[-1])


def standing_bills_since(
    connection: sa.Connection, region: str, person_id: str, benefit_year: int
) -> list[str]:
    """Returns the bills of a record's visits that stand, of a year and of later ones."""
    found = connection.execute(
        sa.select(_settlement.settlement_id)
        .select_from(_OF_VISITS)
        .where(
            _visit.region == region,
            _visit.person_id == person_id,
            _settlement.benefit_year >= benefit_year,
            _settlement.reversal_id.is_(None),
        )
    ).scalars()
    return sorted(found)


def bills_since(
    connection: sa.Connection, region: str, person_ids: Collection[str], benefit_year: int
) -> dict[str, str]:
    """Returns bills of records' visits that stand, of a year and later ones, with their record."""
    visits, settlements = ("visit_id", "person_id"), ("settlement_id", "visit_id", "benefit_year")
    (rows,) = execute(
        connection,
        [Select(tables.visit, visits, region, "person_id", tuple(sorted(person_ids)))],
    )
    of_visit: dict[str, str] = dict(rows)
    (rows,) = execute(
        connection,
        [
            Select(
                *(tables.settlement, settlements, region, "visit_id", tuple(of_visit)),
                null="reversal_id",
            )
        ],
    )
    return {
        settlement_id: of_visit[visit_id]
        for settlement_id, visit_id, year in rows
        if year >= benefit_year
    }


def histories_of(
    connection: sa.Connection, region: str, settlement_ids: Collection[str]
) -> list[BillHistory]:
    """Returns bills by id with all that became of each; raises InvariantError, see there."""
    ids = sorted(settlement_ids)
    if not ids:
        return []
    records = stored_records(connection, region, ids)
    refunds, adjusted = execute(
        connection, [select_refunds(region, ids), select_adjustments(region, ids)]
    )
    moved = moved_by_settlement(moves_of(connection, region, ids))
    returned, revised = _by_settlement(refunds, 1), _by_settlement(adjusted, 0)
    return [
        BillHistory(
            record,
            each_left(record, returned.get(settlement_id, ())),
            [adjustment_from(row) for row in sorted(revised.get(settlement_id, ()), key=_revision)],
            moved.get(settlement_id, 0),
        )
        for settlement_id, record in sorted(records.items())
    ]


def changed_records(
    connection: sa.Connection,
    region: str,
    benefit_year: int,
    since: dt.datetime,
    *,
    after: str | None,
    limit: int,
) -> list[str]:
    """Returns at most `limit` records behind one with bills of a year that changed since."""
    own = [_visit.region == region, _settlement.benefit_year == benefit_year]
    if after is not None:
        own.append(_visit.person_id > after)
    of_records = sa.select(_visit.person_id).select_from(_OF_VISITS).where(*own)
    queries = [
        of_records.where(_settlement.settle_time >= since),
        of_records.where(_settlement.reversal_id.is_not(None), _settlement.reverse_time >= since),
    ]
    for table, time in (
        (tables.adjustment, "adjust_time"),
        (tables.refund, "refund_time"),
        (tables.due_move, "move_time"),
    ):
        joined = _OF_VISITS.join(
            table,
            sa.and_(
                table.c.region == _settlement.region,
                table.c.settlement_id == _settlement.settlement_id,
            ),
        )
        queries.append(
            sa.select(_visit.person_id).select_from(joined).where(*own, table.c[time] >= since)
        )
    changed = sa.union(*queries).subquery()
    column = changed.c.person_id
    return list(connection.execute(sa.select(column).order_by(column).limit(limit)).scalars())


def _by_settlement(rows: Sequence[Row], at: int) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[at], []).append(row)
    return found


def _revision(row: Row) -> int:
    return int(row[1])
