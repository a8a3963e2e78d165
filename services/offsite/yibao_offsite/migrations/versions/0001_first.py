"""The first schema: answers, persons to lock, registrations."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "answer",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("request_id", Id, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("region", "request_id", name="pk_answer"),
    )
    op.create_table(
        "person",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", name="pk_person"),
    )
    op.create_table(
        "registration",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("registration_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("category", sa.SmallInteger, nullable=False),
        sa.Column("treatment_region", sa.String(6), nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("expected_end_date", sa.Date),
        sa.Column("is_urgent", sa.Boolean, nullable=False),
        sa.Column("register_time", Instant, nullable=False),
        sa.Column("registered_by", sa.String(200), nullable=False),
        sa.Column("cancel_time", Instant),
        sa.Column("cancelled_by", sa.String(200)),
        sa.PrimaryKeyConstraint("region", "registration_id", name="pk_registration"),
    )
    op.create_index("ix_registration_region_person_id", "registration", ["region", "person_id"])
