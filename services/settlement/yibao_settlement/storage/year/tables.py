"""The tables of closed benefit years: that a year was closed, and persons' closing statements."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

year_close = sa.Table(
    "year_close",
    metadata,
    region_column(),
    sa.Column("close_id", Id, primary_key=True),
    sa.Column("benefit_year", sa.SmallInteger, nullable=False),
    # What stood settled of the year when it was proposed.
    sa.Column("person_count", sa.BigInteger, nullable=False),
    sa.Column("bill_count", sa.BigInteger, nullable=False),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("propose_time", Instant, nullable=False),
    # What follows changes once, when it is closed. See `rules.year.close.YearState`.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("checker", sa.String(200)),
    sa.Column("close_time", Instant),
    # How far the statements are taken: the last record that was passed, and whether that was
    # the last one; how many were taken, what they come to, in JSON as `YearSums`, and the
    # digest of all of them; and when everything was taken.
    sa.Column("reached_id", Id),
    sa.Column("is_walked", sa.Boolean, nullable=False),
    sa.Column("statement_count", sa.BigInteger, nullable=False),
    sa.Column("sums", sa.Text, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("finish_time", Instant),
    sa.Index("ix_year_close_region_benefit_year", "region", "benefit_year"),
)
# A year is closed once.
sa.Index(
    "uq_year_close_region_benefit_year",
    year_close.c.region,
    year_close.c.benefit_year,
    unique=True,
    sqlite_where=year_close.c.close_time.is_not(None),
    postgresql_where=year_close.c.close_time.is_not(None),
)

# What bills of a year came to when its statement was taken; only ever inserted.
year_statement = sa.Table(
    "year_statement",
    metadata,
    region_column(),
    sa.Column("benefit_year", sa.SmallInteger, primary_key=True, autoincrement=False),
    # The record that visits of the bills are of, whoever it was merged into since.
    sa.Column("person_id", Id, primary_key=True),
    # In the order in which statements of the year were taken, from 1 on.
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("take_time", Instant, nullable=False),
    # JSON: an object, see `storage.year.statement`.
    sa.Column("statement", sa.Text, nullable=False),
)
sa.Index(
    "uq_year_statement_region_benefit_year_number",
    year_statement.c.region,
    year_statement.c.benefit_year,
    year_statement.c.number,
    unique=True,
)

# Records whose statement could not be taken yet. There should be none.
year_refused = sa.Table(
    "year_refused",
    metadata,
    region_column(),
    sa.Column("benefit_year", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("person_id", Id, primary_key=True),
    # The kind of error.
    sa.Column("reason", sa.String(60), nullable=False),
    sa.Column("try_time", Instant, nullable=False),
)
