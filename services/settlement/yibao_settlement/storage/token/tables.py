"""The tables of tokens: what each stands for while it may be used, and its use for good."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

# What is resolved may be used for minutes; taken away an hour later.
credential_token = sa.Table(
    "credential_token",
    metadata,
    region_column(),
    # SHA-256 of the token, in hexadecimal; the token itself is not stored.
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("resolution_id", Id, nullable=False),
    # The code: its claims `sub` and `cti`, and in mode B its device certificate.
    sa.Column("subject", sa.String(32), nullable=False),
    sa.Column("code_id", sa.String(16), nullable=False),
    sa.Column("device_certificate_id", sa.String(32), nullable=False),
    sa.Column("issue_time", Instant, nullable=False),
    sa.Column("scan_time", Instant, nullable=False),
    sa.Column("terminal_id", sa.String(32), nullable=False),
    sa.Column("audience", sa.String(5), nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    # Excluded. No index: while the table is small one would be taken for that of the key.
    sa.Column("expire_time", Instant, nullable=False),
)

# The one use of what was resolved; only ever inserted.
token_use = sa.Table(
    "token_use",
    metadata,
    region_column(),
    # For which the code was used up (`used_code.used_for_id`).
    sa.Column("resolution_id", Id, primary_key=True),
    sa.Column("request_id", Id, nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    sa.Column("terminal_id", sa.String(32), nullable=False),
    sa.Column("use_time", Instant, nullable=False),
    # The visit that it registered, or the settlement or hold.
    sa.Column("used_for_id", Id, nullable=False),
)
