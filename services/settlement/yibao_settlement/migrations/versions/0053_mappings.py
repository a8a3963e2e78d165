"""Institutions' own codes are mapped to items of the catalogue."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0053"
down_revision = "0051"


def upgrade() -> None:
    op.create_table(
        "code_mapping",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("mapping_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("provider_item_code", code_type(150), nullable=False),
        sa.Column("provider_item_name", sa.String(200), nullable=False),
        sa.Column("list_type", sa.String(30), nullable=False),
        sa.Column("item_code", sa.String(50), nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("is_remapping", sa.Boolean, nullable=False),
        sa.Column("texts", sa.Text),
        sa.Column("upload_time", Instant, nullable=False),
        sa.Column("uploaded_by", sa.String(200), nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("decide_time", Instant),
        sa.Column("decided_by", sa.String(200)),
        sa.Column("decision_reason", sa.String(200)),
        sa.Column("cancel_time", Instant),
        sa.Column("cancelled_by", sa.String(200)),
        sa.Column("cancel_reason", sa.String(200)),
        sa.Column("cancel_last_date", sa.Date),
        sa.PrimaryKeyConstraint("region", "mapping_id", name="pk_code_mapping"),
    )
    op.create_index(
        "ix_code_mapping_region_institution_id_provider_item_code",
        "code_mapping",
        ["region", "institution_id", "provider_item_code"],
    )
    op.create_index(
        "ix_code_mapping_region_institution_id_mapping_id",
        "code_mapping",
        ["region", "institution_id", "mapping_id"],
    )
    op.create_table(
        "mapping_book",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", "institution_id", name="pk_mapping_book"),
    )
