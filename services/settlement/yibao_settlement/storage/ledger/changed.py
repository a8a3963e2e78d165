"""Whose books changed since a time, for the ledger checker."""

import datetime as dt

import sqlalchemy as sa

from yibao_settlement.storage import tables


def persons_changed(connection: sa.Connection, region: str, *, since: dt.datetime) -> set[str]:
    """Returns the persons with a settlement, refund, reversal, adjustment or other terms since.

    And those of bills that are held since. Settlements and these are found by indexes; all
    others are read, which are few. A hold that ended shows by what it became, or by later bills
    that moved.
    """
    settlement, hold = tables.settlement.c, tables.hold.c
    person_ids = sa.select(settlement.person_id).where(settlement.region == region)
    queries = (
        person_ids.where(settlement.settle_time >= since),
        person_ids.where(settlement.reversal_id.is_not(None), settlement.reverse_time >= since),
        sa.select(hold.person_id).where(
            hold.region == region, hold.end_time.is_(None), hold.hold_time >= since
        ),
        *(
            sa.select(settlement.person_id)
            .join_from(
                table,
                tables.settlement,
                sa.and_(
                    settlement.region == table.c.region,
                    settlement.settlement_id == table.c.settlement_id,
                ),
            )
            .where(table.c.region == region, table.c[time] >= since)
            for table, time in (
                (tables.adjustment, "adjust_time"),
                (tables.refund, "refund_time"),
                (tables.settlement_terms, "set_time"),
            )
        ),
    )
    return {
        person_id
        for query in queries
        for person_id in connection.execute(query.distinct()).scalars()
    }
