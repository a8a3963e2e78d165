"""Answers bear method and time; the audit begins."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _date_answers()
    _create_audit()


def _date_answers() -> None:
    # When the answers of before were given is not known: they are kept as if it was now.
    now = dt.datetime.now(dt.UTC)
    with op.batch_alter_table("answer") as answer:
        answer.add_column(sa.Column("method", sa.String(64)))
        answer.add_column(sa.Column("answer_time", Instant))
    table = sa.table("answer", sa.column("method", sa.String), sa.column("answer_time", Instant))
    op.execute(sa.update(table).values(method="", answer_time=now))
    with op.batch_alter_table("answer") as answer:
        answer.alter_column("method", existing_type=sa.String(64), nullable=False)
        answer.alter_column("answer_time", existing_type=Instant, nullable=False)
    op.create_index(
        "ix_answer_region_answer_time",
        "answer",
        ["region", "answer_time"],
        postgresql_using="brin",
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
