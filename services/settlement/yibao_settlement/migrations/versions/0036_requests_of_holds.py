"""Requests that held a bill are known by their ids, and those that were released before."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.create_table(
        "hold_request",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("request_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("hold_id", Id),
        sa.Column("release_time", Instant),
        sa.Column("release_reason", sa.String(200)),
        sa.Column("released_by", sa.String(200)),
        sa.PrimaryKeyConstraint("region", "request_id", "institution_id", name="pk_hold_request"),
    )
    id_type = "uuid" if op.get_bind().dialect.name == "postgresql" else "varchar(36)"
    # The id of a request may have come again once its answer was no longer kept.
    op.execute(
        "INSERT INTO hold_request (region, request_id, institution_id, hold_id) "  # noqa: S608
        "SELECT region, request_id, institution_id, "
        f"CAST(max(CAST(hold_id AS varchar(36))) AS {id_type}) "
        "FROM hold GROUP BY region, request_id, institution_id"
    )
