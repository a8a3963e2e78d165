"""What became of holds, read from one snapshot for the ledger checker.

What stands is read with its persons (`storage.ledger.person`), by `held_by`.
"""

from collections.abc import Collection

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_settlement.rules.hold import HoldState
from yibao_settlement.storage import tables


def odd_ends(connection: sa.Connection, region: str) -> list[str]:
    """Returns holds whose state and what ended them do not agree."""
    hold = tables.hold.c
    is_held = hold.state == int(HoldState.HELD)
    is_confirmed = hold.state == int(HoldState.CONFIRMED)
    rows = connection.execute(
        sa.select(hold.hold_id).where(
            hold.region == region,
            sa.or_(
                is_held != hold.end_time.is_(None),
                is_confirmed != hold.settlement_id.is_not(None),
            ),
        )
    )
    return list(rows.scalars())


def unlike_quotes(connection: sa.Connection, region: str) -> list[str]:
    """Returns confirmed holds that no settlement at their place is, of the sums quoted."""
    hold, settlement = tables.hold.c, tables.settlement.c
    same = [
        hold[name] == settlement[name]
        for name in (
            *("region", "settlement_id", "visit_id", "bill_number", "service_date"),
            *("total_fen", "fund_total_fen", "account_fen", "cash_fen"),
        )
    ]
    rows = connection.execute(
        sa.select(hold.hold_id)
        .join_from(
            tables.hold,
            tables.settlement,
            sa.and_(*same, settlement.former_place == hold.hold_id),
            isouter=True,
        )
        .where(
            hold.region == region,
            hold.settlement_id.is_not(None),
            settlement.settlement_id.is_(None),
        )
    )
    return list(rows.scalars())


def holds_without_request(connection: sa.Connection, region: str) -> list[str]:
    """Returns holds that no request is kept to have made.

    The id of a request may have come again once its answer was no longer kept, before requests
    were: the last hold that it made is kept then.
    """
    hold, asked = tables.hold.c, tables.hold_request.c
    rows = connection.execute(
        sa.select(hold.hold_id)
        .join_from(
            tables.hold,
            tables.hold_request,
            sa.and_(
                *(hold[name] == asked[name] for name in ("region", "request_id", "institution_id")),
                asked.hold_id >= hold.hold_id,
            ),
            isouter=True,
        )
        .where(hold.region == region, asked.request_id.is_(None))
    )
    return list(rows.scalars())


def odd_requests(connection: sa.Connection, region: str) -> list[str]:
    """Returns requests that name a hold which they did not make, or both made and released one."""
    hold, asked = tables.hold.c, tables.hold_request.c
    made = asked.hold_id.is_not(None)
    rows = connection.execute(
        sa.select(asked.request_id)
        .join_from(
            tables.hold_request,
            tables.hold,
            sa.and_(
                hold.region == asked.region,
                hold.hold_id == asked.hold_id,
                hold.request_id == asked.request_id,
                hold.institution_id == asked.institution_id,
            ),
            isouter=True,
        )
        .where(
            asked.region == region,
            sa.or_(
                sa.and_(made, hold.hold_id.is_(None)),
                made == asked.release_time.is_not(None),
                made == asked.released_by.is_not(None),
            ),
        )
    )
    return list(rows.scalars())


def uses_of_codes(connection: sa.Connection, region: str) -> dict[str, int]:
    """Returns how many codes were used up for settlements that were held, by their holds."""
    hold, used = tables.hold.c, tables.used_code.c
    rows = connection.execute(
        sa.select(hold.settlement_id, sa.func.count(used.code_id))
        .join_from(
            tables.hold,
            tables.used_code,
            sa.and_(
                hold.region == used.region,
                hold.hold_id == used.used_for_id,
                hold.request_id == used.request_id,
            ),
            isouter=True,
        )
        .where(hold.region == region, hold.settlement_id.is_not(None))
        .group_by(hold.settlement_id)
    )
    return {row[0]: row[1] for row in rows}


def confirmed_at(connection: sa.Connection, region: str, places: Collection[str]) -> set[str]:
    """Returns the confirmed holds that stood at places."""
    rows = select_rows(
        connection,
        tables.hold,
        ("hold_id", "settlement_id"),
        region=region,
        key="hold_id",
        among=sorted(places),
    )
    return {hold_id for hold_id, settlement_id in rows if settlement_id is not None}
