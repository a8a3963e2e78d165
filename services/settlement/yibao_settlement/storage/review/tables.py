"""The tables of cases: rows are few, and every list of them has an index."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger import tables as ledger

review = sa.Table(
    "review",
    ledger.metadata,
    ledger.region_column(),
    sa.Column("review_id", Id, primary_key=True),
    sa.Column("settlement_id", Id, nullable=False),
    sa.Column("visit_id", Id, nullable=False),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    sa.Column("service_date", sa.Date, nullable=False),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
    # JSON: an array a finding, in the order of `Finding`.
    sa.Column("findings", sa.Text, nullable=False),
    # The kinds of the findings: bit n is that of kind n.
    sa.Column("kinds", sa.Integer, nullable=False),
    sa.Column("open_time", Instant, nullable=False),
    # What follows changes; null is for what has not happened.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("decision", sa.SmallInteger),
    sa.Column("reason", sa.String(200)),
    sa.Column("maker", sa.String(200)),
    sa.Column("propose_time", Instant),
    sa.Column("checker", sa.String(200)),
    sa.Column("close_time", Instant),
    sa.Column("reversal_id", Id),
    sa.Column("event_count", sa.Integer, nullable=False),
)
sa.Index("uq_review_region_settlement_id", review.c.region, review.c.settlement_id, unique=True)
sa.Index("ix_review_region_person_id", review.c.region, review.c.person_id)
for _first in ("state", "institution_id", "open_time"):
    _columns = dict.fromkeys((_first, "open_time", "review_id"))
    sa.Index(
        f"ix_review_region_{'_'.join(_columns)}",
        review.c.region,
        *(review.c[name] for name in _columns),
    )

# What was done to cases; rows are only ever inserted.
review_event = sa.Table(
    "review_event",
    ledger.metadata,
    ledger.region_column(),
    sa.Column("review_id", Id, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("event_time", Instant, nullable=False),
    # The path of the caller's identity.
    sa.Column("caller", sa.String(200), nullable=False),
    sa.Column("act", sa.SmallInteger, nullable=False),
    sa.Column("decision", sa.SmallInteger),
    sa.Column("reason", sa.String(200)),
)
