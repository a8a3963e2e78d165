"""An agency settles what lies between the funds and a person by orders."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "difference_order",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("fund_type", sa.String(6)),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("propose_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("close_time", Instant),
        sa.Column("posting_id", Id),
        sa.Column("reject_reason", sa.String(200)),
        sa.PrimaryKeyConstraint("region", "order_id", name="pk_difference_order"),
    )
    op.create_index(
        "ix_difference_order_region_person_id", "difference_order", ["region", "person_id"]
    )
    op.create_index(
        "ix_difference_order_region_state_order_id",
        "difference_order",
        ["region", "state", "order_id"],
    )
