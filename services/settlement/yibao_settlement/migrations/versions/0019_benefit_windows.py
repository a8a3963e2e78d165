"""Windows smaller than a year remember what bills by `yibao-policy/2` used up.

No bill of before was decided by that format.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import code_type

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "benefit_window",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("scope", code_type(50), nullable=False),
        sa.Column("amounts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("region", "scope", name="pk_benefit_window"),
        postgresql_with={"fillfactor": "70"},
    )
