"""The audit begins, and postings name what they were made for."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _create_audit()
    # The postings that there are get their rows by the next revision.
    op.create_table(
        "posting",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("posting_id", Id, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("request_id", Id),
        sa.Column("feed_sequence", sa.BigInteger),
        sa.Column("post_time", Instant, nullable=False),
        sa.Column("posted_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "posting_id", name="pk_posting"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit_event",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("record_time", Instant, nullable=False),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("subject_ids", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("request_id", sa.String(36), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("region", "sequence", name="pk_audit_event"),
    )
    op.create_table(
        "audit_subject",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("subject_id", Id, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("region", "subject_id", "sequence", name="pk_audit_subject"),
    )
    op.create_table(
        "audit_head",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("region", name="pk_audit_head"),
    )
