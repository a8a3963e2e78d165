"""Items of the catalogue have a group, and price ceilings by level of institution.

Those stored before are in no group, and their one ceiling holds at every level.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("catalogue_item", sa.Column("item_group", sa.String(50)))
    op.add_column("catalogue_item", sa.Column("level_price_ceilings", sa.Text))
