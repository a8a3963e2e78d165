"""Settled bills are decided again when an earlier one is reversed, on record.

Bills of before stand as they were settled: what the order of reversals did to them is told
by nothing yet.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "adjustment",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("settlement_id", Id, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("adjust_time", Instant, nullable=False),
        sa.Column("cause", sa.SmallInteger, nullable=False),
        sa.Column("cause_id", Id, nullable=False),
        sa.Column("posting_id", Id),
        sa.Column("effective", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("region", "settlement_id", "revision", name="pk_adjustment"),
    )
    op.create_index(
        "ix_adjustment_region_posting_id",
        "adjustment",
        ["region", "posting_id"],
        sqlite_where=sa.text("posting_id IS NOT NULL"),
        postgresql_where=sa.text("posting_id IS NOT NULL"),
    )
