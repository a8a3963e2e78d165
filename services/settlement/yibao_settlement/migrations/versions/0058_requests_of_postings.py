"""Postings are found by their requests also where an early form of 0006 left out the index."""

from alembic import op

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    op.create_index(
        "ix_posting_region_request_id", "posting", ["region", "request_id"], if_not_exists=True
    )
