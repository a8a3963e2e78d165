"""Credentials say since when their codes count.

Nothing is known of those of before: what was withdrawn then is over.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("credential", sa.Column("codes_since_second", sa.BigInteger))
