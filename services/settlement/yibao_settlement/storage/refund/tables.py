"""The table of refunds: what was returned of settlements, and what is left of them."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger import tables as ledger

# Never changed. The newest of a settlement tells what is left of it.
refund = sa.Table(
    "refund",
    ledger.metadata,
    ledger.region_column(),
    sa.Column("settlement_id", Id, primary_key=True),
    # 1 for the first one.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    # That of its posting, where it moves anything.
    sa.Column("refund_id", Id, nullable=False),
    sa.Column("request_id", Id, nullable=False),
    sa.Column("refund_time", Instant, nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),
    # The path of the caller's identity.
    sa.Column("refunded_by", sa.String(200), nullable=False),
    # JSON: an array a line, in the order of `ReturnedLine`.
    sa.Column("returned", sa.Text, nullable=False),
    # What the counter gives back: parts that rise instead are negative.
    sa.Column("returned_fund_total_fen", sa.BigInteger, nullable=False),
    sa.Column("returned_other_total_fen", sa.BigInteger, nullable=False),
    sa.Column("returned_account_fen", sa.BigInteger, nullable=False),
    sa.Column("returned_cash_fen", sa.BigInteger, nullable=False),
    # What the account held after it.
    sa.Column("balance_after_fen", sa.BigInteger, nullable=False),
    sa.Column("carried_after_fen", sa.BigInteger, nullable=False),
    # What is left, as a settlement is stored: see `storage.settlement.record`.
    sa.Column("record_form", sa.SmallInteger, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    # JSON: all lines that are left, as in `settlement_lines`.
    sa.Column("lines", sa.Text, nullable=False),
    # Of what is left: who bears it.
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
    sa.Column("account_fen", sa.BigInteger, nullable=False),
    sa.Column("cash_fen", sa.BigInteger, nullable=False),
)
sa.Index("uq_refund_region_refund_id", refund.c.region, refund.c.refund_id, unique=True)
# For lists of changes.
sa.Index(
    "ix_refund_region_refund_time_settlement_id",
    refund.c.region,
    refund.c.refund_time,
    refund.c.settlement_id,
)
