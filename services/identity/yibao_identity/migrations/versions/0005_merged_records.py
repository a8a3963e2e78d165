"""Which records were merged into a person's is found without reading all persons."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    is_merged = sa.column("merged_into").is_not(None)
    op.create_index(
        "ix_person_region_merged_into",
        "person",
        ["region", "merged_into"],
        sqlite_where=is_merged,
        postgresql_where=is_merged,
    )
