"""Folds an account's old entries into a checkpoint, so that its balance is cheap to read.

Entries are never changed and fund accounts are never locked: a checkpoint only states
the sum of the entries up to a posting id. Posting ids rise with time and a transaction
lasts seconds, so entries older than the horizon can no longer appear.
"""

import datetime as dt

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.db.rows import insert_rows
from yibao_settlement.storage import tables
from yibao_settlement.storage.queries import account_balances

# Far beyond the longest transaction and the clock differences between processes: an entry
# that appeared below a checkpoint would be missing from its balance.
HORIZON = dt.timedelta(minutes=10)

_PREFIXES = ("fund:", "payable:", "source:")
# The account of this name is the region itself: locked by who folds, it holds no balance.
_REGION_ROW = ""
_BEFORE_ALL = "00000000-0000-0000-0000-000000000000"
_AFTER_ALL = "ffffffff-ffff-ffff-ffff-ffffffffffff"


def horizon_id(now: dt.datetime) -> str:
    """Returns the least UUIDv7 of the moment `HORIZON` before `now`."""
    millis = int((now - HORIZON).timestamp() * 1000)
    digits = f"{millis:012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"


def fold_fund_accounts(database: Database, region: str, *, now: dt.datetime) -> int:
    """Moves the region's fund and payable checkpoints up to the horizon; returns how many.

    One process folds a region at a time, and never back: a clock that was set back, or a
    fold that began earlier and ends later, changes nothing.
    """
    through = horizon_id(now)
    with database.write() as connection:
        if _lock_region(connection, region) >= through:
            return 0
        balances = [
            balance
            for prefix in _PREFIXES
            for balance in account_balances(connection, region, prefix, through=through)
        ]
        table = tables.account_checkpoint
        connection.execute(sa.delete(table).where(table.c.region == region))
        connection.execute(
            sa.insert(table),
            [
                {
                    "region": region,
                    "account_id": account_id,
                    "through_posting_id": through,
                    "balance_fen": balance_fen,
                }
                for account_id, balance_fen in [(_REGION_ROW, 0), *balances]
            ],
        )
        return len(balances)


def _lock_region(connection: sa.Connection, region: str) -> str:
    """Locks the region's own row, and returns the posting id that it is folded through."""
    table = tables.account_checkpoint
    columns = ("region", "account_id", "through_posting_id", "balance_fen")
    first = (region, _REGION_ROW, _BEFORE_ALL, 0)
    insert_rows(connection, table, columns, [first], skip_existing=True)
    through = connection.execute(
        sa.select(table.c.through_posting_id)
        .where(table.c.region == region, table.c.account_id == _REGION_ROW)
        .with_for_update()
    ).scalar_one_or_none()
    # Another process replaced the row while this one waited for it: it has just folded.
    return _AFTER_ALL if through is None else str(through)
