"""Lines of settlements are returned: what was, and what is left."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "refund",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("settlement_id", Id, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("refund_id", Id, nullable=False),
        sa.Column("request_id", Id, nullable=False),
        sa.Column("refund_time", Instant, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("refunded_by", sa.String(200), nullable=False),
        sa.Column("returned", sa.Text, nullable=False),
        sa.Column("returned_fund_total_fen", sa.BigInteger, nullable=False),
        sa.Column("returned_other_total_fen", sa.BigInteger, nullable=False),
        sa.Column("returned_account_fen", sa.BigInteger, nullable=False),
        sa.Column("returned_cash_fen", sa.BigInteger, nullable=False),
        sa.Column("balance_after_fen", sa.BigInteger, nullable=False),
        sa.Column("carried_after_fen", sa.BigInteger, nullable=False),
        sa.Column("record_form", sa.SmallInteger, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.Column("total_fen", sa.BigInteger, nullable=False),
        sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
        sa.Column("account_fen", sa.BigInteger, nullable=False),
        sa.Column("cash_fen", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", "settlement_id", "number", name="pk_refund"),
    )
    op.create_index("uq_refund_region_refund_id", "refund", ["region", "refund_id"], unique=True)
