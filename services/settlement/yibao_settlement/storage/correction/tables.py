"""The table of corrections: which settlement took the place of which."""

import sqlalchemy as sa

from yibao_common.db.rows import Id
from yibao_settlement.storage.ledger import tables as ledger

# Never changed. When, why and by whom stands with the reversal of the one that was corrected.
correction = sa.Table(
    "correction",
    ledger.metadata,
    ledger.region_column(),
    # The one that took the place.
    sa.Column("settlement_id", Id, primary_key=True),
    # The one whose place it was.
    sa.Column("corrected_id", Id, nullable=False),
    # What the account held after both.
    sa.Column("balance_after_fen", sa.BigInteger, nullable=False),
    sa.Column("carried_after_fen", sa.BigInteger, nullable=False),
)
sa.Index(
    "uq_correction_region_corrected_id",
    correction.c.region,
    correction.c.corrected_id,
    unique=True,
)
