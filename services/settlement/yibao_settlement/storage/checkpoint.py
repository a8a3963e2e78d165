"""Checkpoints of accounts as rows."""

from collections.abc import Sequence

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_settlement.application.checkpoint import BEFORE_ALL
from yibao_settlement.storage import tables
from yibao_settlement.storage.ledger.posting import account_balances

# The account of this name is the region itself: locked by who folds, it holds no balance.
_REGION_ROW = ""


class StoredCheckpoints:
    """See `application.checkpoint.CheckpointRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def lock(self) -> str | None:
        """Locks the region's own row, made where it is missing, and returns its mark."""
        table = tables.account_checkpoint
        columns = ("region", "account_id", "through_posting_id", "balance_fen")
        first = (self._region, _REGION_ROW, BEFORE_ALL, 0)
        insert_rows(self._connection, table, columns, [first], skip_existing=True)
        through = self._connection.execute(
            sa.select(table.c.through_posting_id)
            .where(table.c.region == self._region, table.c.account_id == _REGION_ROW)
            .with_for_update()
        ).scalar_one_or_none()
        # Another process that folded replaced the row while this one waited for it.
        return None if through is None else str(through)

    def newest_posting(self) -> str:
        """Returns the greatest posting id that is committed, BEFORE_ALL without any."""
        newest = [
            self._connection.execute(
                # PostgreSQL knows no greatest UUID, but their order.
                sa.select(column)
                .where(column.table.c.region == self._region)
                .order_by(column.desc())
                .limit(1)
            ).scalar_one_or_none()
            for column in (tables.settlement.c.settlement_id, tables.posting.c.posting_id)
        ]
        return max((str(each) for each in newest if each is not None), default=BEFORE_ALL)

    def raise_fence(self, posting_id: str) -> None:
        """Lets every id that is made after this transaction be greater than `posting_id`."""
        table = tables.posting_fence
        columns, row = ("region", "posting_id", "ended_month"), (self._region, posting_id, 0)
        insert_rows(self._connection, table, columns, [row], skip_existing=True)
        self._connection.execute(
            sa.update(table)
            .where(table.c.region == self._region, table.c.posting_id < posting_id)
            .values(posting_id=posting_id)
        )

    def balances(self, prefix: str, *, through: str) -> list[tuple[str, int]]:
        """Returns the accounts that begin with `prefix` and their sums up to `through`."""
        return account_balances(self._connection, self._region, prefix, through=through)

    def replace(self, balances: Sequence[tuple[str, int]], *, through: str) -> None:
        """Puts checkpoints in the place of all that the region has."""
        table = tables.account_checkpoint
        self._connection.execute(sa.delete(table).where(table.c.region == self._region))
        self._connection.execute(
            sa.insert(table),
            [
                {
                    "region": self._region,
                    "account_id": account_id,
                    "through_posting_id": through,
                    "balance_fen": balance_fen,
                }
                for account_id, balance_fen in [(_REGION_ROW, 0), *balances]
            ],
        )
