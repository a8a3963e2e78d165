"""Benefit years are closed, and persons get closing statements of them."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.create_table(
        "year_close",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("close_id", Id, nullable=False),
        sa.Column("benefit_year", sa.SmallInteger, nullable=False),
        sa.Column("person_count", sa.BigInteger, nullable=False),
        sa.Column("bill_count", sa.BigInteger, nullable=False),
        sa.Column("total_fen", sa.BigInteger, nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("propose_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("close_time", Instant),
        sa.Column("reached_id", Id),
        sa.Column("is_walked", sa.Boolean, nullable=False),
        sa.Column("statement_count", sa.BigInteger, nullable=False),
        sa.Column("sums", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("finish_time", Instant),
        sa.PrimaryKeyConstraint("region", "close_id", name="pk_year_close"),
    )
    op.create_index("ix_year_close_region_benefit_year", "year_close", ["region", "benefit_year"])
    is_closed = sa.text("close_time IS NOT NULL")
    op.create_index(
        "uq_year_close_region_benefit_year",
        "year_close",
        ["region", "benefit_year"],
        unique=True,
        sqlite_where=is_closed,
        postgresql_where=is_closed,
    )
    op.create_table(
        "year_statement",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("benefit_year", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("take_time", Instant, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("region", "benefit_year", "person_id", name="pk_year_statement"),
    )
    op.create_index(
        "uq_year_statement_region_benefit_year_number",
        "year_statement",
        ["region", "benefit_year", "number"],
        unique=True,
    )
    op.create_table(
        "year_refused",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("benefit_year", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("try_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "benefit_year", "person_id", name="pk_year_refused"),
    )
