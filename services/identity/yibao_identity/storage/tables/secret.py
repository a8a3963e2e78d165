"""Check values of the secrets that personal data are kept with."""

import sqlalchemy as sa

from yibao_common.db.rows import Instant, code_type
from yibao_identity.storage.tables.base import metadata

# Of all regions: a deployment has one set of secrets. Only inserted.
trust_secret_check = sa.Table(
    "trust_secret_check",
    metadata,
    # 1 hash key, 2 encryption key, 3 pepper.
    sa.Column("kind", sa.SmallInteger, primary_key=True, autoincrement=False),
    # The id of an encryption key in hexadecimal, the scheme of a pepper; empty for the hash key.
    sa.Column("name", code_type(16), primary_key=True),
    sa.Column("check_value", sa.LargeBinary(32), nullable=False),
    sa.Column("record_time", Instant, nullable=False),
)
