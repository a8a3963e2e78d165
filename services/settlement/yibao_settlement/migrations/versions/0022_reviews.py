"""Settlements are reviewed; visits of a person are found from a day on.

Nothing that was settled before is put under review.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_index(
        "ix_visit_region_person_id_start_date", "visit", ["region", "person_id", "start_date"]
    )
    op.drop_index("ix_visit_region_person_id", "visit")
    op.create_table(
        "review",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("review_id", Id, nullable=False),
        sa.Column("settlement_id", Id, nullable=False),
        sa.Column("visit_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("service_date", sa.Date, nullable=False),
        sa.Column("total_fen", sa.BigInteger, nullable=False),
        sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
        sa.Column("findings", sa.Text, nullable=False),
        sa.Column("kinds", sa.Integer, nullable=False),
        sa.Column("open_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("decision", sa.SmallInteger),
        sa.Column("reason", sa.String(200)),
        sa.Column("maker", sa.String(200)),
        sa.Column("propose_time", Instant),
        sa.Column("checker", sa.String(200)),
        sa.Column("close_time", Instant),
        sa.Column("reversal_id", Id),
        sa.Column("event_count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "review_id", name="pk_review"),
    )
    op.create_index(
        "uq_review_region_settlement_id", "review", ["region", "settlement_id"], unique=True
    )
    op.create_index("ix_review_region_person_id", "review", ["region", "person_id"])
    for columns in (
        ["state", "open_time", "review_id"],
        ["institution_id", "open_time", "review_id"],
        ["open_time", "review_id"],
    ):
        op.create_index(f"ix_review_region_{'_'.join(columns)}", "review", ["region", *columns])
    op.create_table(
        "review_event",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("review_id", Id, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("event_time", Instant, nullable=False),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("act", sa.SmallInteger, nullable=False),
        sa.Column("decision", sa.SmallInteger),
        sa.Column("reason", sa.String(200)),
        sa.PrimaryKeyConstraint("region", "review_id", "number", name="pk_review_event"),
    )
