"""Settlements are corrected: which took the place of which."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("settlement_id", Id, nullable=False),
        sa.Column("corrected_id", Id, nullable=False),
        sa.Column("balance_after_fen", sa.BigInteger, nullable=False),
        sa.Column("carried_after_fen", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", "settlement_id", name="pk_correction"),
    )
    op.create_index(
        "uq_correction_region_corrected_id", "correction", ["region", "corrected_id"], unique=True
    )
