"""The table of repairs: that an agency had all bills of a person decided again."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

repair = sa.Table(
    "repair",
    metadata,
    region_column(),
    sa.Column("repair_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    # From which on the bills are decided again.
    sa.Column("first_settlement_id", Id, nullable=False),
    sa.Column("bill_count", sa.Integer, nullable=False),
    sa.Column("fund_change_fen", sa.BigInteger, nullable=False),
    sa.Column("difference_fen", sa.BigInteger, nullable=False),
    sa.Column("due_fen", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("propose_time", Instant, nullable=False),
    # What follows changes once. 1 proposed, 2 carried out, 3 withdrawn.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("checker", sa.String(200)),
    sa.Column("close_time", Instant),
)
