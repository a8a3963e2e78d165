"""The table of overrides: that an agency takes a bill back before later ones."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

override = sa.Table(
    "override",
    metadata,
    region_column(),
    sa.Column("override_id", Id, primary_key=True),
    sa.Column("settlement_id", Id, nullable=False),
    # 1 reversal, 2 refund, 3 correction.
    sa.Column("kind", sa.SmallInteger, nullable=False),
    sa.Column("adjusted_count", sa.Integer, nullable=False),
    sa.Column("held_count", sa.Integer, nullable=False),
    sa.Column("adjusted_fund_change_fen", sa.BigInteger, nullable=False),
    sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
    sa.Column("other_total_fen", sa.BigInteger, nullable=False),
    sa.Column("account_fen", sa.BigInteger, nullable=False),
    sa.Column("cash_fen", sa.BigInteger, nullable=False),
    # All of it as it was proposed, in the words of the contract.
    sa.Column("told", sa.LargeBinary, nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("propose_time", Instant, nullable=False),
    # What follows changes once. 1 proposed, 2 carried out, 3 withdrawn.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("checker", sa.String(200)),
    sa.Column("close_time", Instant),
    # The reversal or refund.
    sa.Column("taken_back_id", Id),
)
