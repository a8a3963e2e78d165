"""Codes are resolved into tokens; persons have names, masked, and genders.

The feed tells these of everybody when it is read anew, once; until then a counter is told none.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0046"
down_revision = "0044"


def upgrade() -> None:
    op.create_table(
        "credential_token",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("resolution_id", Id, nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("code_id", sa.String(16), nullable=False),
        sa.Column("device_certificate_id", sa.String(32), nullable=False),
        sa.Column("issue_time", Instant, nullable=False),
        sa.Column("scan_time", Instant, nullable=False),
        sa.Column("terminal_id", sa.String(32), nullable=False),
        sa.Column("audience", sa.String(5), nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("expire_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "token_hash", name="pk_credential_token"),
    )
    op.create_table(
        "token_use",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("resolution_id", Id, nullable=False),
        sa.Column("request_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("terminal_id", sa.String(32), nullable=False),
        sa.Column("use_time", Instant, nullable=False),
        sa.Column("used_for_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("region", "resolution_id", name="pk_token_use"),
    )
    op.add_column("person", sa.Column("person_name_masked", sa.String(50)))
    op.add_column("person", sa.Column("gender", sa.SmallInteger))
    op.execute("UPDATE feed_position SET epoch = ''")
