"""Settlements are listed by day of settling, institution, visit and person."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_index(
        "ix_settlement_region_settle_time_settlement_id",
        "settlement",
        ["region", "settle_time", "settlement_id"],
    )
    op.create_index(
        "ix_settlement_region_institution_id_settle_time_settlement_id",
        "settlement",
        ["region", "institution_id", "settle_time", "settlement_id"],
    )
    op.create_index(
        "ix_settlement_region_visit_id_reversed",
        "settlement",
        ["region", "visit_id"],
        sqlite_where=sa.text("reversal_id IS NOT NULL"),
        postgresql_where=sa.text("reversal_id IS NOT NULL"),
    )
    op.create_index("ix_visit_region_person_id", "visit", ["region", "person_id"])
