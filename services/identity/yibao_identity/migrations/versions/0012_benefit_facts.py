"""Enrolments say tier and months, and chronic diseases are registered.

Periods of before say none of them: nobody could have told. No disease was registered.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    tier = sa.Column("tier", sa.String(20), nullable=False, server_default="")
    op.add_column("enrolment", tier)
    op.add_column("enrolment", sa.Column("insured_months_before", sa.SmallInteger))
    op.add_column("enrolment", sa.Column("months_owing", sa.SmallInteger))
    with op.batch_alter_table("enrolment") as table:
        table.alter_column(
            tier.name, existing_type=tier.type, existing_nullable=False, server_default=None
        )
    op.create_table(
        "disease",
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("disease_registration_id", Id, primary_key=True),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("disease_code", sa.String(30), nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("record_time", Instant, nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("replace_time", Instant),
    )
    op.create_index("ix_disease_region_person_id", "disease", ["region", "person_id"])
