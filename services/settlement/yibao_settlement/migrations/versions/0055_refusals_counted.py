"""Refusals are counted by day, institution, method and reason."""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"


def upgrade() -> None:
    op.create_table(
        "refusal_count",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("method", sa.String(60), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            *("region", "day", "institution_id", "method", "reason"), name="pk_refusal_count"
        ),
    )
