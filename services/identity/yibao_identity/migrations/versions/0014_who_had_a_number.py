"""Who had a number before is found, and so are the children of a person."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_index(
        "ix_former_person_region_number_hash", "former_person", ["region", "number_hash"]
    )
    is_child = sa.text("parent_id IS NOT NULL")
    op.create_index(
        "ix_person_region_parent_id",
        "person",
        ["region", "parent_id"],
        sqlite_where=is_child,
        postgresql_where=is_child,
    )
