"""Checkpoints rest on a fence of posting ids; codes and visits tell what became of them.

The checkpoints of before rested on clocks and may leave out entries that appeared below
them. They are taken away: the next fold makes them anew from all entries.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "posting_fence",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("posting_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("region", name="pk_posting_fence"),
    )
    op.execute(sa.text("DELETE FROM account_checkpoint"))
    op.create_index(
        "ix_person_region_merged_into",
        "person",
        ["region", "merged_into"],
        sqlite_where=sa.text("merged_into IS NOT NULL"),
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.add_column("visit", sa.Column("cancelled_by", sa.String(200)))
    op.add_column("used_code", sa.Column("used_for_id", Id))
