"""Visits are of another region's institution, on which terms; marks; deemed registrations."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0057"
down_revision = "0056"


def upgrade() -> None:
    op.add_column("visit", sa.Column("place_region", sa.String(6)))
    op.add_column("visit", sa.Column("offsite_terms", sa.String(20)))
    op.add_column("visit", sa.Column("registration_id", Id))
    op.add_column("visit", sa.Column("care_marks", sa.Text))
    op.create_table(
        "deemed_registration",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("visit_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("treatment_region", sa.String(6), nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("create_time", Instant, nullable=False),
        sa.Column("tell_time", Instant),
        sa.Column("registration_id", Id),
        sa.PrimaryKeyConstraint("region", "visit_id", name="pk_deemed_registration"),
    )
    op.create_index(
        "ix_deemed_registration_region_create_time",
        "deemed_registration",
        ["region", "create_time"],
        sqlite_where=sa.text("tell_time IS NULL"),
        postgresql_where=sa.text("tell_time IS NULL"),
    )
