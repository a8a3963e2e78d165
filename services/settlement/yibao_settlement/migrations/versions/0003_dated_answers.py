"""Answers bear method and time."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Instant, instant_to_sqlite

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _date_answers()


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
