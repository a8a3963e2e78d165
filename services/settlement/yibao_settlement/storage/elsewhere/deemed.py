"""Emergencies that count as registered, until offsite was told of them."""

import datetime as dt

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_settlement.application.elsewhere.state import DeemedRegistration
from yibao_settlement.storage.elsewhere.tables import deemed_registration

_PLACE = (deemed_registration.c.create_time, deemed_registration.c.visit_id)


def untold(
    database: Database, region: str, *, after: DeemedRegistration | None, limit: int
) -> list[DeemedRegistration]:
    """Returns at most `limit` behind one that offsite was not told of, the oldest first."""
    column = deemed_registration.c
    query = (
        sa.select(*(column[name] for name in DeemedRegistration._fields))
        .where(column.region == region, column.tell_time.is_(None))
        .order_by(*_PLACE)
        .limit(limit)
    )
    if after is not None:
        reached = [sa.literal(getattr(after, each.name), each.type) for each in _PLACE]
        query = query.where(sa.tuple_(*_PLACE) > sa.tuple_(*reached))
    with database.read() as connection:
        return [DeemedRegistration._make(row) for row in connection.execute(query)]


def untold_since(database: Database, region: str, *, before: dt.datetime) -> int:
    """Returns of how many offsite was not told that count as registered since before a time."""
    column = deemed_registration.c
    query = (
        sa.select(sa.func.count())
        .select_from(deemed_registration)
        .where(column.region == region, column.tell_time.is_(None), column.create_time < before)
    )
    with database.read() as connection:
        return connection.execute(query).scalar_one()


def note_told(
    database: Database, region: str, visit_id: str, *, registration_id: str, at: dt.datetime
) -> None:
    """Notes that offsite was told; of several processes that told it, the first one does."""
    column = deemed_registration.c
    update = (
        sa.update(deemed_registration)
        .where(column.region == region, column.visit_id == visit_id, column.tell_time.is_(None))
        .values(tell_time=at, registration_id=registration_id)
    )
    with database.write() as connection:
        connection.execute(update)
