"""The table of refusals, counted by day: for looking, and no account."""

import sqlalchemy as sa

from yibao_settlement.storage.ledger.tables import metadata, region_column

refusal_count = sa.Table(
    "refusal_count",
    metadata,
    region_column(),
    # In Asia/Shanghai.
    sa.Column("day", sa.Date, primary_key=True),
    # Empty where no institution called.
    sa.Column("institution_id", sa.String(12), primary_key=True),
    sa.Column("method", sa.String(60), primary_key=True),
    sa.Column("reason", sa.String(60), primary_key=True),
    # Calls, and items of bulk calls. It rises; a day that is over does not change.
    sa.Column("count", sa.BigInteger, nullable=False),
)
