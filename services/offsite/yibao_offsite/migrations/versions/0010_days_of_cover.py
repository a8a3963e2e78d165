"""Indexes by which registrations are found whose cover holds a day."""

from alembic import op

revision = "0010"
down_revision = "0009"

_INDEXES = {
    "ix_registration_region_start_date": ["region", "start_date", "registration_id"],
    "ix_registration_region_treatment_region_start_date": [
        *("region", "treatment_region", "start_date", "registration_id")
    ],
}


def upgrade() -> None:
    for name, columns in _INDEXES.items():
        op.create_index(name, "registration", columns)
