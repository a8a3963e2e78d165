"""What verifiers trust: roots, keys, snapshots, status lists and denied certificates."""

import sqlalchemy as sa

from yibao_common.db.rows import Instant, code_type
from yibao_identity.storage.tables.base import metadata, region_column, text_column

# One row, which whoever changes anything below locks first.
trust_head = sa.Table(
    "trust_head",
    metadata,
    sa.Column("head_id", sa.SmallInteger, primary_key=True, autoincrement=False),
)

# Root documents with their signatures, made offline and brought in by `yibao keys root`.
trust_root = sa.Table(
    "trust_root",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("expire_time", Instant, nullable=False),
    sa.Column("record_time", Instant, nullable=False),
    text_column("recorded_by", 200),
)

# Public keys that are or were listed. A killed key stays: its tombstone.
trust_key = sa.Table(
    "trust_key",
    metadata,
    # In hexadecimal.
    sa.Column("key_id", code_type(16), primary_key=True),
    sa.Column("public_key", sa.LargeBinary(32), nullable=False),
    # `tok`, `cred`, `status` or `attest`.
    sa.Column("use", sa.String(16), nullable=False),
    # Regions joined by commas, sorted.
    sa.Column("issuers", sa.Text, nullable=False),
    sa.Column("start_time", Instant, nullable=False),
    sa.Column("expire_time", Instant, nullable=False),
    # 1 next, 2 active, 3 retiring, 4 killed.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("killed_time", Instant),
    sa.Column("record_time", Instant, nullable=False),
    text_column("recorded_by", 200),
)

# Device certificates that are refused before any status list is signed anew.
trust_denied = sa.Table(
    "trust_denied",
    metadata,
    sa.Column("device_certificate_id", code_type(16), primary_key=True),
    sa.Column("deny_time", Instant, nullable=False),
    # From when on the certificate is invalid by itself.
    sa.Column("expire_time", Instant, nullable=False),
    text_column("denied_by", 200),
    text_column("explanation", 200),
)

trust_snapshot = sa.Table(
    "trust_snapshot",
    metadata,
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("trust_key_id", sa.LargeBinary(8), nullable=False),
    sa.Column("list_digest", sa.LargeBinary(32), nullable=False),
    sa.Column("issue_time", Instant, nullable=False),
    sa.Column("snapshot", sa.LargeBinary, nullable=False),
)

# Signed status lists. A snapshot binds one version of each by its digest, so a version is
# kept as long as a snapshot that names it may be in use.
status_list = sa.Table(
    "status_list",
    metadata,
    region_column(),
    sa.Column("list_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    # SHA-256 of the document.
    sa.Column("digest", sa.LargeBinary(32), nullable=False),
    sa.Column("issue_time", Instant, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
)
