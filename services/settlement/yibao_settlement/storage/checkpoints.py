"""Folds an account's old entries into a checkpoint, so that its balance is cheap to read.

Entries are never changed and fund accounts are never locked: a checkpoint only states
the sum of the entries up to a posting id. Posting ids rise with time and a transaction
lasts seconds, so entries older than the horizon can no longer appear.
"""

import datetime as dt

import sqlalchemy as sa

from yibao_common.database import Database
from yibao_settlement.storage import tables
from yibao_settlement.storage.queries import account_balances

# Far beyond the longest transaction and the clock differences between processes.
HORIZON = dt.timedelta(minutes=10)


def horizon_id(now: dt.datetime) -> str:
    """Returns the least UUIDv7 of the moment `HORIZON` before `now`."""
    millis = int((now - HORIZON).timestamp() * 1000)
    digits = f"{millis:012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"


def fold_fund_accounts(database: Database, region: str, *, now: dt.datetime) -> int:
    """Moves the region's fund and payable checkpoints up to the horizon; returns how many."""
    through = horizon_id(now)
    with database.write() as connection:
        folded = 0
        for prefix in ("fund:", "payable:", "source:"):
            for account_id, balance_fen in account_balances(
                connection, region, prefix, through=through
            ):
                _store(connection, region, account_id, through, balance_fen)
                folded += 1
        return folded


def _store(
    connection: sa.Connection, region: str, account_id: str, through: str, balance_fen: int
) -> None:
    table = tables.account_checkpoint
    connection.execute(
        sa.delete(table).where(table.c.region == region, table.c.account_id == account_id)
    )
    connection.execute(
        sa.insert(table).values(
            region=region,
            account_id=account_id,
            through_posting_id=through,
            balance_fen=balance_fen,
        )
    )
