"""Answers bear method and time; the audit begins."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, instant_to_sqlite

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _date_answers()
    _create_audit()


def _date_answers() -> None:
    # When the answers of before were given is not known: they are kept as if it was now.
    # A constant default is all that PostgreSQL notes for them, however many there are.
    now = dt.datetime.now(dt.UTC)
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    told = f"'{now.isoformat()}'" if is_postgresql else str(instant_to_sqlite(now))
    columns = (
        sa.Column("method", sa.String(64), nullable=False, server_default=""),
        sa.Column("answer_time", Instant, nullable=False, server_default=sa.text(told)),
    )
    for column in columns:
        op.add_column("answer", column)
    with op.batch_alter_table("answer") as answer:
        for column in columns:
            answer.alter_column(
                column.name, existing_type=column.type, existing_nullable=False, server_default=None
            )
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
