"""Tokens that have ended are taken away, so that what stood behind them does not pile up."""

import datetime as dt

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_settlement.storage import tables

_PAGE_ROWS = 1_000


def prune_tokens(
    database: Database, region: str, *, before: dt.datetime, page_rows: int = _PAGE_ROWS
) -> int:
    """Takes away the tokens that ended before an instant, and returns how many there were.

    What they were used for stays. In pages, a transaction each: nobody waits long. Several
    processes may do it at once.
    """
    token, pruned = tables.credential_token, 0
    ended = (
        sa.select(token.c.token_hash)
        .where(token.c.region == region, token.c.expire_time < before)
        .limit(page_rows)
    )
    page = sa.delete(token).where(token.c.region == region, token.c.token_hash.in_(ended))
    while True:
        with database.write() as connection:
            taken = connection.execute(page).rowcount
        pruned += taken
        if taken < page_rows:
            return pruned
