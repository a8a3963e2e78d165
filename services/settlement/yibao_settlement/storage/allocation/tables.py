"""The tables of monthly allocations: their rules, what contributions were paid of, and reports."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

# Rules of `yibao-credit/1`; a row changes once, when it is approved.
credit_policy = sa.Table(
    "credit_policy",
    metadata,
    region_column(),
    # The SHA-256 of the file.
    sa.Column("policy_version", sa.String(64), primary_key=True),
    sa.Column("insurance_type", sa.String(3), nullable=False),
    # The first month that it decides, such as 202601.
    sa.Column("start_month", sa.Integer, nullable=False),
    sa.Column("policy_file", sa.LargeBinary, nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("submit_time", Instant, nullable=False),
    # Null while it is a draft.
    sa.Column("checker", sa.String(200)),
    sa.Column("approve_time", Instant),
)

# What the contribution of a month was paid of, as told last.
contribution = sa.Table(
    "contribution",
    metadata,
    region_column(),
    sa.Column("person_id", Id, primary_key=True),
    sa.Column("insurance_type", sa.String(3), primary_key=True),
    sa.Column("month", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("base_fen", sa.BigInteger, nullable=False),
    sa.Column("import_time", Instant, nullable=False),
)

# An allocation; a row changes once, when everybody was looked at.
allocation = sa.Table(
    "allocation",
    metadata,
    region_column(),
    sa.Column("allocation_id", Id, primary_key=True),
    sa.Column("insurance_type", sa.String(3), nullable=False),
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("policy_version", sa.String(64), nullable=False),
    # That which began it, and by which everything of it is posted.
    sa.Column("request_id", Id, nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("start_time", Instant, nullable=False),
    # Null while it goes on.
    sa.Column("finish_time", Instant),
)
_GOES_ON = allocation.c.finish_time.is_(None)
# One at a time of an insurance type and month; and those that go on.
sa.Index(
    "uq_allocation_region_insurance_type_month",
    *(allocation.c.region, allocation.c.insurance_type, allocation.c.month),
    unique=True,
    sqlite_where=_GOES_ON,
    postgresql_where=_GOES_ON,
)

# Whom an allocation has looked at; its last person is how far it came. Rows are only inserted.
allocated_person = sa.Table(
    "allocated_person",
    metadata,
    region_column(),
    sa.Column("allocation_id", Id, primary_key=True),
    sa.Column("person_id", Id, primary_key=True),
    # 1 credited, 2 already credited, 3 credited otherwise, 4 waiting, 5 no base, 6 no rule,
    # 7 fact missing, 8 nothing, 9 died, 10 merged, 11 closed, 12 not enrolled.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("base_fen", sa.BigInteger),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("credit_id", Id),
)
