"""The table of cards and e-certificates, also those that are no longer accepted."""

import sqlalchemy as sa

from yibao_common.db.rows import Id
from yibao_settlement.storage.ledger import tables as ledger

credential = sa.Table(
    "credential",
    ledger.metadata,
    ledger.region_column(),
    # Claim `sub` of its codes.
    sa.Column("subject", sa.String(32), primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("kind", sa.SmallInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    # Device certificates (claim `cti` in hexadecimal) under which no code is accepted,
    # joined by commas.
    sa.Column("revoked_device_certificate_ids", sa.Text, nullable=False),
    # The first second whose codes of mode A count; null where all do.
    sa.Column("codes_since_second", sa.BigInteger),
    # Of an e-certificate: its own id, by which its holder calls.
    sa.Column("certificate_id", Id),
    sa.Index("ix_credential_region_person_id", "region", "person_id"),
    sa.Index("ix_credential_region_certificate_id", "region", "certificate_id"),
)
