"""Periods of cover tell tier and months, and persons their registered diseases.

What was learnt before tells none of them: settlement's feed brings them when they are told.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    tier = sa.Column("tier", sa.String(20), nullable=False, server_default="")
    op.add_column("enrolment", tier)
    op.add_column("enrolment", sa.Column("insured_months_before", sa.SmallInteger))
    op.add_column("enrolment", sa.Column("months_owing", sa.SmallInteger))
    op.add_column("person", sa.Column("diseases", sa.Text))
    with op.batch_alter_table("enrolment") as table:
        table.alter_column(
            tier.name, existing_type=tier.type, existing_nullable=False, server_default=None
        )
