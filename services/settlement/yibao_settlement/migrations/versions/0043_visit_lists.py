"""Visits of an institution are listed by when they were registered."""

from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    op.create_index(
        "ix_visit_region_institution_id_register_time_visit_id",
        "visit",
        ["region", "institution_id", "register_time", "visit_id"],
    )
