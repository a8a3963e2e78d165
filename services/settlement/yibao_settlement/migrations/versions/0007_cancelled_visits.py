"""Visits can be cancelled, and their numbers are free again then."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Instant

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    with op.batch_alter_table("visit") as visit:
        visit.add_column(sa.Column("cancel_time", Instant))
        visit.drop_constraint(
            "uq_visit_region_institution_id_provider_visit_number", type_="unique"
        )
    op.create_index(
        "uq_visit_region_provider_visit_number_institution_id",
        "visit",
        ["region", "provider_visit_number", "institution_id"],
        unique=True,
        sqlite_where=sa.text("cancel_time IS NULL"),
        postgresql_where=sa.text("cancel_time IS NULL"),
    )
