"""Lists of settlements: by the columns of their rows, without the records."""

from collections.abc import Collection

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_settlement.application.settlement.listing import Place, SettlementSummary, Wish
from yibao_settlement.storage import tables
from yibao_settlement.storage.merge import one_person
from yibao_settlement.storage.settlement.sequence import records_of

_COLUMNS = tables.settlement.c
# All but what moved, which is no column.
LISTED = SettlementSummary._fields[:-1]
_SUMS = ("total_fen", "fund_total_fen", "account_fen", "cash_fen")


def list_settlements(
    connection: sa.Connection, region: str, wish: Wish, *, after: Place | None, limit: int
) -> list[SettlementSummary]:
    """Returns at most `limit` settlements of a region, the one settled last first."""
    selected = [_COLUMNS[name] for name in LISTED]
    query = (
        sa.select(*selected)
        .where(_COLUMNS.region == region, *_conditions(connection, region, wish))
        .order_by(_COLUMNS.settle_time.desc(), _COLUMNS.settlement_id.desc())
        .limit(limit)
    )
    if after is not None:
        place = (_COLUMNS.settle_time, _COLUMNS.settlement_id)
        reached = [
            sa.literal(value, column.type) for value, column in zip(after, place, strict=True)
        ]
        query = query.where(sa.tuple_(*place) < sa.tuple_(*reached))
    found = [SettlementSummary(*row) for row in connection.execute(query)]
    return _with_effective(connection, region, with_rest(connection, region, found))


def summaries_of(
    connection: sa.Connection, region: str, settlement_ids: Collection[str]
) -> list[SettlementSummary]:
    """Returns some settlements as lists tell them, with the sums of what is left."""
    rows = select_rows(
        connection,
        tables.settlement,
        LISTED,
        region=region,
        key="settlement_id",
        among=settlement_ids,
    )
    return with_rest(connection, region, [SettlementSummary(*row) for row in rows])


def with_rest(
    connection: sa.Connection, region: str, summaries: list[SettlementSummary]
) -> list[SettlementSummary]:
    """Returns summaries with the sums of what is left, where something was returned."""
    refund = tables.refund.c
    rows = connection.execute(
        sa.select(refund.settlement_id, *(refund[name] for name in _SUMS))
        .where(
            refund.region == region,
            refund.settlement_id.in_([each.settlement_id for each in summaries]),
        )
        # The last of each settlement tells what is left.
        .order_by(refund.number)
    )
    left = {row.settlement_id: row[1:] for row in rows}
    return [
        each._replace(**dict(zip(_SUMS, left[each.settlement_id], strict=True)))
        if each.settlement_id in left
        else each
        for each in summaries
    ]


def _with_effective(
    connection: sa.Connection, region: str, summaries: list[SettlementSummary]
) -> list[SettlementSummary]:
    """Returns summaries with what settlements cost whom by now; most never moved."""
    adjustment = tables.adjustment.c
    rows = connection.execute(
        sa.select(adjustment.settlement_id)
        .distinct()
        .where(
            adjustment.region == region,
            adjustment.settlement_id.in_(
                [each.settlement_id for each in summaries if each.reversal_id is None]
            ),
        )
    )
    moved_ids = list(rows.scalars())
    if not moved_ids:
        return summaries
    records = records_of(connection, region, moved_ids)
    return [
        each._replace(adjustment=records[each.settlement_id].adjustment)
        if each.settlement_id in records and records[each.settlement_id].is_revised
        else each
        for each in summaries
    ]


def _conditions(connection: sa.Connection, region: str, wish: Wish) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    for column, value in (
        (_COLUMNS.institution_id, wish.institution_id),
        (_COLUMNS.service_date, wish.service_date),
        (_COLUMNS.bill_number, wish.bill_number),
    ):
        if value is not None:
            found.append(column == value)
    if wish.settled_since is not None:
        found.append(_COLUMNS.settle_time >= wish.settled_since)
    if wish.settled_before is not None:
        found.append(_COLUMNS.settle_time < wish.settled_before)
    if wish.visit_id is not None:
        found.append(_of_visits([wish.visit_id]))
    if wish.person_id is not None:
        found.append(_of_visits(_visits_of(connection, region, wish.person_id)))
    if wish.is_reversed is not None:
        is_null = _COLUMNS.reversal_id.is_(None)
        found.append(sa.not_(is_null) if wish.is_reversed else is_null)
    return found


def _of_visits(visit_ids: list[str]) -> sa.ColumnElement[bool]:
    # What stands and what is reversed have indexes of their own, of which the second costs
    # nothing when a bill is settled.
    of_visits = _COLUMNS.visit_id.in_(visit_ids)
    return sa.or_(
        sa.and_(of_visits, _COLUMNS.reversal_id.is_(None)),
        sa.and_(of_visits, _COLUMNS.reversal_id.is_not(None)),
    )


def _visits_of(connection: sa.Connection, region: str, person_id: str) -> list[str]:
    """Returns the visits of a person, under whichever id of merged records they were made."""
    visit = tables.visit.c
    person_ids = one_person(connection, region, person_id)
    query = sa.select(visit.visit_id).where(visit.region == region, visit.person_id.in_(person_ids))
    return list(connection.execute(query).scalars())
