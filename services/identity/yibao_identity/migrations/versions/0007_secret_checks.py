"""Check values of the secrets; the service fills them at its next start, from what it finds."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Instant, code_type

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "trust_secret_check",
        sa.Column("kind", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("name", code_type(16), nullable=False),
        sa.Column("check_value", sa.LargeBinary(32), nullable=False),
        sa.Column("record_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_trust_secret_check"),
    )
