"""Settlements keep marks of their lines, by which bills that charge the same are found.

Those of before have none, and nothing is compared with them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("settlement", sa.Column("line_marks", sa.LargeBinary))
    op.add_column("settlement", sa.Column("item_set_mark", sa.LargeBinary))
