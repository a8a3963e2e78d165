"""Lists of cases, the one opened first at the head."""

import sqlalchemy as sa

from yibao_settlement.application.review.listing import Place, ReviewWish
from yibao_settlement.rules.review import WAITING, Review
from yibao_settlement.storage.merge import one_person
from yibao_settlement.storage.review import tables
from yibao_settlement.storage.review.record import REVIEW_COLUMNS, review_from

_COLUMNS = tables.review.c


def list_reviews(
    connection: sa.Connection, region: str, wish: ReviewWish, *, after: Place | None, limit: int
) -> list[Review]:
    """Returns at most `limit` cases of a region."""
    selected = [_COLUMNS[name] for name in REVIEW_COLUMNS]
    query = (
        sa.select(*selected)
        .where(_COLUMNS.region == region, *_conditions(connection, region, wish))
        .order_by(_COLUMNS.open_time, _COLUMNS.review_id)
        .limit(limit)
    )
    if after is not None:
        place = (_COLUMNS.open_time, _COLUMNS.review_id)
        reached = [
            sa.literal(value, column.type) for value, column in zip(after, place, strict=True)
        ]
        query = query.where(sa.tuple_(*place) > sa.tuple_(*reached))
    return [review_from(tuple(row)) for row in connection.execute(query)]


def count_waiting(connection: sa.Connection, region: str) -> int:
    """Returns how many cases wait for somebody."""
    states = [int(each) for each in WAITING]
    query = sa.select(sa.func.count()).where(_COLUMNS.region == region, _COLUMNS.state.in_(states))
    return connection.execute(query).scalar_one()


def _conditions(
    connection: sa.Connection, region: str, wish: ReviewWish
) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wish.institution_id is not None:
        found.append(_COLUMNS.institution_id == wish.institution_id)
    if wish.state is not None:
        found.append(_COLUMNS.state == int(wish.state))
    if wish.kind is not None:
        found.append(_COLUMNS.kinds.op("&")(1 << wish.kind) != 0)
    if wish.person_id is not None:
        found.append(_COLUMNS.person_id.in_(one_person(connection, region, wish.person_id)))
    if wish.opened_since is not None:
        found.append(_COLUMNS.open_time >= wish.opened_since)
    if wish.opened_before is not None:
        found.append(_COLUMNS.open_time < wish.opened_before)
    return found
