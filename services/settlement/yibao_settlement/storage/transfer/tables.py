"""The table of transfers of personal accounts to and from other regions."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

transfer = sa.Table(
    "transfer",
    metadata,
    region_column(),
    sa.Column("transfer_id", Id, primary_key=True),
    # 1 out, 2 in.
    sa.Column("direction", sa.SmallInteger, nullable=False),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("other_region", sa.String(6), nullable=False),
    # Of both ends.
    sa.Column("transfer_number", sa.String(50), nullable=False),
    # 1 requested, 2 record out, 3 money out, 4 in, 5 cancelled. What is null comes with a step.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("request_time", Instant, nullable=False),
    sa.Column("amount_fen", sa.BigInteger),
    sa.Column("checker", sa.String(200)),
    sa.Column("record_time", Instant),
    sa.Column("posting_id", Id),
    sa.Column("payment_reference", sa.String(50)),
    sa.Column("pay_time", Instant),
    sa.Column("payment_posting_id", Id),
    sa.Column("close_time", Instant),
    # Of the end that it comes to.
    sa.Column("credit_id", Id),
)
_STANDS = transfer.c.state != 5
# One transfer of a number between two regions and each way; cancelled ones do not count.
sa.Index(
    "uq_transfer_region_transfer_number",
    *(transfer.c.region, transfer.c.transfer_number),
    *(transfer.c.other_region, transfer.c.direction),
    unique=True,
    sqlite_where=_STANDS,
    postgresql_where=_STANDS,
)
# Ids rise with time.
sa.Index(
    "ix_transfer_region_state_transfer_id",
    *(transfer.c.region, transfer.c.state, transfer.c.transfer_id),
)
