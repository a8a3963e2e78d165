"""When a person died is known of persons, as identity's feed tells it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("person", sa.Column("death_date", sa.Date))
