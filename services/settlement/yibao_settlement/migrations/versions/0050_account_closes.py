"""Accounts of a year are closed: they earn interest, and counters are set for the year behind."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0050"
down_revision = "0047"


def upgrade() -> None:
    op.create_table(
        "account_close",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("close_id", Id, nullable=False),
        sa.Column("benefit_year", sa.SmallInteger, nullable=False),
        sa.Column("rules_version", sa.String(64), nullable=False),
        sa.Column("rules_file", sa.LargeBinary, nullable=False),
        sa.Column("person_count", sa.BigInteger, nullable=False),
        sa.Column("balance_fen", sa.BigInteger, nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("propose_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("close_time", Instant),
        sa.Column("request_id", Id),
        sa.Column("finish_time", Instant),
        sa.PrimaryKeyConstraint("region", "close_id", name="pk_account_close"),
    )
    op.create_index(
        "ix_account_close_region_benefit_year", "account_close", ["region", "benefit_year"]
    )
    is_closed = sa.text("close_time IS NOT NULL")
    op.create_index(
        "uq_account_close_region_benefit_year",
        "account_close",
        ["region", "benefit_year"],
        unique=True,
        sqlite_where=is_closed,
        postgresql_where=is_closed,
    )
    op.create_table(
        "account_close_part",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("close_id", Id, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("after_id", Id),
        sa.Column("until_id", Id),
        sa.Column("reached_id", Id),
        sa.Column("is_done", sa.Boolean, nullable=False),
        sa.Column("person_count", sa.BigInteger, nullable=False),
        sa.Column("account_count", sa.BigInteger, nullable=False),
        sa.Column("balance_fen", sa.BigInteger, nullable=False),
        sa.Column("interest_fen", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", "close_id", "number", name="pk_account_close_part"),
    )
    _create_closed_account()
    op.create_table(
        "account_close_refused",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("close_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("try_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "close_id", "person_id", name="pk_account_close_refused"),
    )


def _create_closed_account() -> None:
    op.create_table(
        "closed_account",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("benefit_year", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("close_id", Id, nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("current_year_fen", sa.BigInteger, nullable=False),
        sa.Column("carried_fen", sa.BigInteger, nullable=False),
        sa.Column("current_year_interest_fen", sa.BigInteger, nullable=False),
        sa.Column("carried_interest_fen", sa.BigInteger, nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("posting_id", Id),
        sa.Column("counted_type", sa.String(3)),
        sa.Column("months_insured", sa.SmallInteger),
        sa.Column("years_unclaimed", sa.SmallInteger),
        sa.Column("take_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", "benefit_year", name="pk_closed_account"),
    )
