"""Codes that relatives showed who may not any more are withdrawn.

Nothing is withdrawn of what ended before: those codes are over.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    is_shown = sa.text("shown_by IS NOT NULL")
    op.create_index(
        "ix_issued_code_region_shown_by_issue_time",
        "issued_code",
        ["region", "shown_by", "issue_time"],
        sqlite_where=is_shown,
        postgresql_where=is_shown,
    )
    op.create_table(
        "code_withdrawal",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("certificate_id", Id, nullable=False),
        sa.Column("codes_since_time", Instant, nullable=False),
        sa.Column("withdraw_time", Instant, nullable=False),
        sa.Column("withdrawn_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "certificate_id", "codes_since_time", name="pk_code_withdrawal"
        ),
    )
