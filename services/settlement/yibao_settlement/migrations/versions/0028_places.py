"""A settlement that takes the place of another one among the person's bills keeps that place."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("settlement", sa.Column("former_place", Id))
