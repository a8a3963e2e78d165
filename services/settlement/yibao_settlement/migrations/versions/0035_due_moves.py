"""What is due to an account is moved into it, bill by bill."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.create_table(
        "due_move",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("settlement_id", Id, nullable=False),
        sa.Column("posting_id", Id, nullable=False),
        sa.Column("move_time", Instant, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("carried_fen", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", "settlement_id", "posting_id", name="pk_due_move"),
    )
