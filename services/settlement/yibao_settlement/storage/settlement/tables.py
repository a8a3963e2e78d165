"""Tables beside the settlements: windows smaller than a year, and what moved since.

Windows are of bills by `yibao-policy/2`.
"""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type
from yibao_settlement.storage.ledger.tables import index_where_set, metadata, region_column

benefit_window = sa.Table(
    "benefit_window",
    metadata,
    region_column(),
    # The visit that began a stay, or a person's month: `<person>/2026-11`. The months of a
    # person lie together.
    sa.Column("scope", code_type(50), primary_key=True),
    # JSON object: instance of a window and name in it to a number, see
    # `rules.benefit.keeping`. A row of which nothing is left stays, empty.
    sa.Column("amounts", sa.Text, nullable=False),
    postgresql_with={"fillfactor": 70},
)

# That the effective column of a settlement moved; never changed. The newest one holds.
adjustment = sa.Table(
    "adjustment",
    metadata,
    region_column(),
    sa.Column("settlement_id", Id, primary_key=True),
    # 2 for the first one: 1 is what the counter showed.
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("adjust_time", Instant, nullable=False),
    # Why: see `rules.difference.Cause`; and which one: a reversal or refund by its id, a merge by
    # the person whose record it ended.
    sa.Column("cause", sa.SmallInteger, nullable=False),
    sa.Column("cause_id", Id, nullable=False),
    # Null where no money moved.
    sa.Column("posting_id", Id),
    # JSON object: see `storage.settlement.adjustment`.
    sa.Column("effective", sa.Text, nullable=False),
)
# Whom a posting adjusted: the ledger checker asks.
index_where_set(adjustment, "region", "posting_id", is_set="posting_id")
# For lists of changes: those that moved no money are none.
index_where_set(adjustment, "region", "adjust_time", "settlement_id", is_set="posting_id")
