"""The first hundred lines of a settlement stand in its own row.

Lines of earlier settlements stay where they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("settlement", sa.Column("first_lines", sa.Text()))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE settlement SET (toast_tuple_target = 4080)")
