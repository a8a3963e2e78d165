"""Bills are repriced: they get the terms that their days have by now, by two operators."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.create_table(
        "repricing",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("repricing_id", Id, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("terms", sa.String(60), nullable=False),
        sa.Column("liability", sa.SmallInteger, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("propose_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("close_time", Instant),
        sa.Column("request_id", Id),
        sa.PrimaryKeyConstraint("region", "repricing_id", name="pk_repricing"),
    )
    op.create_index("ix_repricing_region_state", "repricing", ["region", "state"])
    op.create_table(
        "repriced_person",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("repricing_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("bill_count", sa.Integer, nullable=False),
        sa.Column("fund_change_fen", sa.BigInteger, nullable=False),
        sa.Column("difference_fen", sa.BigInteger, nullable=False),
        sa.Column("due_fen", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(60)),
        sa.PrimaryKeyConstraint("region", "repricing_id", "person_id", name="pk_repriced_person"),
    )
    op.create_index(
        "ix_repriced_person_region_repricing_id_state_person_id",
        "repriced_person",
        ["region", "repricing_id", "state", "person_id"],
    )
    op.create_table(
        "settlement_terms",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("settlement_id", Id, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("set_time", Instant, nullable=False),
        sa.Column("cause", sa.SmallInteger, nullable=False),
        sa.Column("cause_id", Id, nullable=False),
        sa.Column("policy_version", sa.String(64), nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("region", "settlement_id", "number", name="pk_settlement_terms"),
    )
