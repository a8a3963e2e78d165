"""Enrolments say how many years before theirs had no claim.

Nobody told it of those of before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("enrolment", sa.Column("years_unclaimed", sa.SmallInteger))
