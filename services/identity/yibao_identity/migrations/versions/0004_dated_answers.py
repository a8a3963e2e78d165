"""Answers bear method and time."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _date_answers()


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
