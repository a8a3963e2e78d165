"""Tokens that have ended are taken away, so that what stood behind them does not pile up."""

import datetime as dt
from itertools import islice

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_settlement.storage import tables

_PAGE_ROWS = 1_000
# What is more is left for the next time.
_MOST_ROWS = 100_000


def prune_tokens(
    database: Database, region: str, *, before: dt.datetime, page_rows: int = _PAGE_ROWS
) -> int:
    """Takes away tokens that ended before an instant, and returns how many there were.

    What they were used for stays. They are found by reading all that there are, of an hour or so:
    an index by time would be taken for that of the tokens while the table is small. They go in
    pages, a transaction each, so that nobody waits long. Several processes may do it at once.
    """
    token = tables.credential_token
    with database.read() as connection:
        ended = iter(
            connection.execute(
                sa.select(token.c.token_hash)
                .where(token.c.region == region, token.c.expire_time < before)
                .limit(_MOST_ROWS)
            )
            .scalars()
            .all()
        )
    pruned = 0
    while page := list(islice(ended, page_rows)):
        with database.write() as connection:
            pruned += connection.execute(
                sa.delete(token).where(token.c.region == region, token.c.token_hash.in_(page))
            ).rowcount
    return pruned
