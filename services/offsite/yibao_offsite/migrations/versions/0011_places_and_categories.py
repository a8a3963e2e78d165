"""An index by which registrations to a place are found that are of a rare category."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_index(
        "ix_registration_region_treatment_region_category",
        "registration",
        ["region", "treatment_region", "category", "registration_id"],
    )
