"""Lists of what is held, the one held first at the head: ids rise with time."""

import sqlalchemy as sa

from yibao_settlement.application.hold.listing import HoldWish
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.storage import tables
from yibao_settlement.storage.hold.record import HOLD_COLUMNS, hold_from
from yibao_settlement.storage.merge import one_person


def list_held(
    connection: sa.Connection, region: str, wish: HoldWish, *, after: str | None, limit: int
) -> list[Hold]:
    """Returns at most `limit` holds of a region that are HELD."""
    hold = tables.hold.c
    query = (
        sa.select(*(hold[name] for name in HOLD_COLUMNS))
        # Few rows at any time, which indexes of what is held find.
        .where(hold.region == region, hold.end_time.is_(None), hold.expire_time > wish.now)
        .order_by(hold.hold_id)
        .limit(limit)
    )
    if wish.institution_id is not None:
        query = query.where(hold.institution_id == wish.institution_id)
    if wish.person_id is not None:
        query = query.where(hold.person_id.in_(one_person(connection, region, wish.person_id)))
    if wish.visit_id is not None:
        query = query.where(hold.visit_id == wish.visit_id)
    if after is not None:
        query = query.where(hold.hold_id > sa.literal(after, hold.hold_id.type))
    return [hold_from(tuple(row)) for row in connection.execute(query)]
