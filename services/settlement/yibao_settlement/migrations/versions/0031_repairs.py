"""An agency repairs what order did to a person's bills before later ones were decided again."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "repair",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("repair_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("first_settlement_id", Id, nullable=False),
        sa.Column("bill_count", sa.Integer, nullable=False),
        sa.Column("fund_change_fen", sa.BigInteger, nullable=False),
        sa.Column("difference_fen", sa.BigInteger, nullable=False),
        sa.Column("due_fen", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("propose_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("close_time", Instant),
        sa.PrimaryKeyConstraint("region", "repair_id", name="pk_repair"),
    )
