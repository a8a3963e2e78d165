"""Deaths are recorded with date and evidence."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("person", sa.Column("death_date", sa.Date))
    op.create_table(
        "death",
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("death_id", Id, primary_key=True),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("death_date", sa.Date, nullable=False),
        sa.Column("evidence_reference", sa.String(64), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("record_time", Instant, nullable=False),
        sa.Column("revoked_by", sa.String(200), nullable=False),
        sa.Column("revoke_time", Instant),
        sa.Column("revocation", sa.String(200), nullable=False),
    )
    stands = sa.column("revoke_time").is_(None)
    op.create_index(
        "uq_death_region_person_id",
        "death",
        ["region", "person_id"],
        unique=True,
        sqlite_where=stands,
        postgresql_where=stands,
    )
