"""Requests that are fenced and did something all the same, read for the ledger checker."""

from collections.abc import Iterator

import sqlalchemy as sa

from yibao_common.commands.request import FENCED_METHOD
from yibao_settlement.storage import tables

# Where requests are kept by what they did. A settlement's reversal has a column of its own.
_REQUESTS = (
    tables.settlement.c.request_id,
    tables.settlement.c.reverse_request_id,
    tables.refund.c.request_id,
    tables.posting.c.request_id,
    tables.hold.c.request_id,
)


def booked_requests(connection: sa.Connection, region: str) -> Iterator[tuple[str, str]]:
    """Yields fenced requests that did something, each with the table that tells of it."""
    answer = tables.answer.c
    is_fence = sa.and_(answer.region == region, answer.method == FENCED_METHOD)
    if connection.execute(sa.select(answer.request_id).where(is_fence).limit(1)).first() is None:
        # Nobody asked in vain: nothing has to be read through.
        return
    for request_id in _REQUESTS:
        table = request_id.table
        query = (
            sa.select(answer.request_id)
            .join_from(
                tables.answer,
                table,
                sa.and_(table.c.region == answer.region, request_id == answer.request_id),
            )
            .where(is_fence)
            .distinct()
            .order_by(answer.request_id)
        )
        for row in connection.execute(query):
            yield row[0], table.name
