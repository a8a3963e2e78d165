"""The tables of closed periods: that a month was closed, and the sums that it was closed with."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type
from yibao_settlement.storage.ledger.tables import metadata, region_column

period_close = sa.Table(
    "period_close",
    metadata,
    region_column(),
    sa.Column("close_id", Id, primary_key=True),
    # Empty where it is the month of the funds.
    sa.Column("institution_id", sa.String(12), nullable=False),
    # Such as 202611.
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("entry_count", sa.BigInteger, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("propose_time", Instant, nullable=False),
    # What follows changes once, when it is closed. See `rules.period.close.PeriodState`.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("checker", sa.String(200)),
    sa.Column("close_time", Instant),
    sa.Index("ix_period_close_region_institution_id_month", "region", "institution_id", "month"),
    sa.Index("ix_period_close_region_month", "region", "month"),
)
# A period is closed once.
sa.Index(
    "uq_period_close_region_institution_id_month",
    period_close.c.region,
    period_close.c.institution_id,
    period_close.c.month,
    unique=True,
    sqlite_where=period_close.c.close_time.is_not(None),
    postgresql_where=period_close.c.close_time.is_not(None),
)

# What was posted in a period that is closed; only ever inserted.
period_sum = sa.Table(
    "period_sum",
    metadata,
    region_column(),
    sa.Column("close_id", Id, primary_key=True),
    # An account, or the kind of those of persons and payments, such as `person:`.
    sa.Column("account_id", code_type(60), primary_key=True),
    # What posted, see `entry`.
    sa.Column("kind", sa.SmallInteger, primary_key=True, autoincrement=False),
    # 0 for what changes nothing of an earlier month.
    sa.Column("original_month", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("entry_count", sa.BigInteger, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
)
