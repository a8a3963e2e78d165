"""Registrations for care elsewhere and holds of audits, as offsite tells them."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0056"
down_revision = "0055"


def upgrade() -> None:
    op.create_table(
        "registered_care",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("registration_id", Id, nullable=False),
        sa.Column("category", sa.SmallInteger, nullable=False),
        sa.Column("treatment_region", sa.String(6), nullable=False),
        sa.Column("terms", sa.String(20), nullable=False),
        sa.Column("benefits", sa.Text, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("is_void", sa.Boolean, nullable=False),
        sa.Column("origin", sa.SmallInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("reading", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "person_id", "registration_id", name="pk_registered_care"
        ),
    )
    op.create_table(
        "audit_hold",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("visit_id", Id, nullable=False),
        sa.Column("hold_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("task_id", Id, nullable=False),
        sa.Column("is_lifted", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("attestation", sa.LargeBinary, nullable=False),
        sa.Column("reading", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "visit_id", "hold_id", name="pk_audit_hold"),
    )
    op.create_table(
        "offsite_feed_position",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.String(36), nullable=False),
        sa.Column("head_sequence", sa.BigInteger, nullable=False),
        sa.Column("head_mark", sa.String(32), nullable=False),
        sa.Column("reading", sa.Integer, nullable=False),
        sa.Column("anew_until", sa.BigInteger),
        sa.Column("read_time", Instant),
        sa.PrimaryKeyConstraint("region", name="pk_offsite_feed_position"),
    )
