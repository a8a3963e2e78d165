"""Policies can be withdrawn: who did it, and when."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Instant

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("policy", sa.Column("withdrawer", sa.String(200)))
    op.add_column("policy", sa.Column("withdraw_time", Instant))
