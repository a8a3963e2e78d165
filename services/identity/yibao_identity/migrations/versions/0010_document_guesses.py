"""Wrong documents are counted for each person."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "document_guess",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("wrong_documents", sa.SmallInteger, nullable=False),
        sa.Column("last_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", name="pk_document_guess"),
    )
