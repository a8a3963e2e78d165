"""Changes of settlements are found by their times; settling a bill writes none of the indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    for table, time, column in (
        ("settlement", "reverse_time", "reversal_id"),
        ("adjustment", "adjust_time", "posting_id"),
    ):
        is_set = sa.column(column).is_not(None)
        op.create_index(
            f"ix_{table}_region_{time}_settlement_id",
            table,
            ["region", time, "settlement_id"],
            sqlite_where=is_set,
            postgresql_where=is_set,
        )
    op.create_index(
        "ix_refund_region_refund_time_settlement_id",
        "refund",
        ["region", "refund_time", "settlement_id"],
    )
