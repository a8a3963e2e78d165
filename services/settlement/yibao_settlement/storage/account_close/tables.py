"""The tables of the annual close of accounts: that it was confirmed, how far it is, what it did."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

account_close = sa.Table(
    "account_close",
    metadata,
    region_column(),
    sa.Column("close_id", Id, primary_key=True),
    sa.Column("benefit_year", sa.SmallInteger, nullable=False),
    # The SHA-256 of the file, and the file as the maker sent it.
    sa.Column("rules_version", sa.String(64), nullable=False),
    sa.Column("rules_file", sa.LargeBinary, nullable=False),
    # What was there when it was proposed: records, and what accounts held as the year ended.
    sa.Column("person_count", sa.BigInteger, nullable=False),
    sa.Column("balance_fen", sa.BigInteger, nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("propose_time", Instant, nullable=False),
    # What follows changes when it is confirmed, the last one when it is done. See
    # `rules.account_close.close.AccountCloseState`.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("checker", sa.String(200)),
    sa.Column("close_time", Instant),
    sa.Column("request_id", Id),
    sa.Column("finish_time", Instant),
    sa.Index("ix_account_close_region_benefit_year", "region", "benefit_year"),
)
# Accounts of a year are closed once.
sa.Index(
    "uq_account_close_region_benefit_year",
    account_close.c.region,
    account_close.c.benefit_year,
    unique=True,
    sqlite_where=account_close.c.close_time.is_not(None),
    postgresql_where=account_close.c.close_time.is_not(None),
)

# Ranges of records, each closed by one process at a time, and how far each is. Part 0 has those
# that could not be closed at first.
account_close_part = sa.Table(
    "account_close_part",
    metadata,
    region_column(),
    sa.Column("close_id", Id, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    # Behind the one, up to and with the other; null where the range has no such end.
    sa.Column("after_id", Id),
    sa.Column("until_id", Id),
    sa.Column("reached_id", Id),
    sa.Column("is_done", sa.Boolean, nullable=False),
    # Of the records that were closed.
    sa.Column("person_count", sa.BigInteger, nullable=False),
    sa.Column("account_count", sa.BigInteger, nullable=False),
    sa.Column("balance_fen", sa.BigInteger, nullable=False),
    sa.Column("interest_fen", sa.BigInteger, nullable=False),
)

# What was done with each record, only ever inserted. The account is one, whatever insurance type
# it is of: so a person and a year are closed once, and the type is no part of the key.
closed_account = sa.Table(
    "closed_account",
    metadata,
    region_column(),
    sa.Column("person_id", Id, primary_key=True),
    sa.Column("benefit_year", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("close_id", Id, nullable=False),
    # Whose account it is: that of the interest rules; empty without.
    sa.Column("insurance_type", sa.String(3), nullable=False),
    # What the layers held as the year ended, and earned in it.
    sa.Column("current_year_fen", sa.BigInteger, nullable=False),
    sa.Column("carried_fen", sa.BigInteger, nullable=False),
    sa.Column("current_year_interest_fen", sa.BigInteger, nullable=False),
    sa.Column("carried_interest_fen", sa.BigInteger, nullable=False),
    # Who got it: another one where the record was merged. Null where nothing was earned.
    sa.Column("owner_id", Id, nullable=False),
    sa.Column("posting_id", Id),
    # The counters of the year that follows, null where there are none.
    sa.Column("counted_type", sa.String(3)),
    sa.Column("months_insured", sa.SmallInteger),
    sa.Column("years_unclaimed", sa.SmallInteger),
    sa.Column("take_time", Instant, nullable=False),
)

# Records whose account could not be closed yet. There should be none.
account_close_refused = sa.Table(
    "account_close_refused",
    metadata,
    region_column(),
    sa.Column("close_id", Id, primary_key=True),
    sa.Column("person_id", Id, primary_key=True),
    # The kind of error.
    sa.Column("reason", sa.String(60), nullable=False),
    sa.Column("try_time", Instant, nullable=False),
)
