"""Attestations of registrations: the entries of their status lists."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0006"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "attestation_entry",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("list_number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("status_index", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("registration_id", Id, nullable=False),
        sa.Column("stated_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("last_expire_time", Instant, nullable=False),
        sa.Column("withdraw_date", sa.Date),
        sa.Column("take_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "list_number", "status_index", name="pk_attestation_entry"
        ),
    )
    op.create_index(
        "ix_attestation_entry_region_registration_id",
        "attestation_entry",
        ["region", "registration_id"],
    )
    op.create_index(
        "ix_attestation_entry_region_list_number_withdraw_date",
        "attestation_entry",
        ["region", "list_number", "withdraw_date"],
    )
