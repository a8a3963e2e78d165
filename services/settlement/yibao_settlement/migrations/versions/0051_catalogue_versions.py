"""Versions of the catalogue's lists, and what bills are settled by that they make."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    op.create_table(
        "catalogue_version",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("version_id", Id, nullable=False),
        sa.Column("layer", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("is_whole", sa.Boolean, nullable=False),
        sa.Column("issuing_authority", sa.SmallInteger, nullable=False),
        sa.Column("authority_document", sa.String(200), nullable=False),
        sa.Column("row_count", sa.Integer, nullable=False),
        sa.Column("refused_count", sa.Integer, nullable=False),
        sa.Column("version_number", sa.Integer, nullable=False),
        sa.Column("base_number", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("begin_time", Instant, nullable=False),
        sa.Column("submit_time", Instant),
        sa.Column("checker", sa.String(200), nullable=False),
        sa.Column("close_time", Instant),
        sa.Column("rolled_back_version_id", Id),
        sa.PrimaryKeyConstraint("region", "version_id", name="pk_catalogue_version"),
    )
    op.create_table(
        "catalogue_chunk",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("version_id", Id, nullable=False),
        sa.Column("chunk_number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("row_count", sa.Integer, nullable=False),
        sa.Column("refused_count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "version_id", "chunk_number", name="pk_catalogue_chunk"),
    )
    op.create_table(
        "catalogue_row_fault",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("version_id", Id, nullable=False),
        sa.Column("row_number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("chunk_number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("place", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("faults", sa.Text, nullable=False),
        sa.Column("faults_total", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint(
            *("region", "version_id", "row_number", "chunk_number", "place"),
            name="pk_catalogue_row_fault",
        ),
    )
    _create_rows()
    _create_effective()


def _create_rows() -> None:
    op.create_table(
        "catalogue_row",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("layer", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("code", code_type(50), nullable=False),
        sa.Column("subkey", code_type(40), nullable=False),
        sa.Column("version_id", Id, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("row_number", sa.Integer, nullable=False),
        sa.Column("insurance_code", code_type(50)),
        sa.Column("content", sa.Text),
        sa.PrimaryKeyConstraint(
            *("region", "layer", "code", "subkey", "version_id", "start_date"),
            name="pk_catalogue_row",
        ),
    )
    op.create_index(
        "ix_catalogue_row_region_version_id_code_subkey_start_date",
        "catalogue_row",
        ["region", "version_id", "code", "subkey", "start_date"],
    )
    is_mapping = sa.text("insurance_code IS NOT NULL")
    op.create_index(
        "ix_catalogue_row_region_insurance_code",
        "catalogue_row",
        ["region", "insurance_code"],
        sqlite_where=is_mapping,
        postgresql_where=is_mapping,
    )


def _create_effective() -> None:
    op.create_table(
        "catalogue_effective",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("item_code", code_type(50), nullable=False),
        sa.Column("version_number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("item_name", sa.String(200), nullable=False),
        sa.Column("catalogue_class", sa.String(2), nullable=False),
        sa.Column("first_self_pay_ratio_ppm", sa.Integer),
        sa.Column("price_ceiling", sa.String(20), nullable=False),
        sa.Column("is_limited_use", sa.Boolean, nullable=False),
        sa.Column("item_group", sa.String(50)),
        sa.Column("level_price_ceilings", sa.Text),
        sa.Column("shares", sa.Text),
        sa.Column("told", sa.Text),
        sa.PrimaryKeyConstraint(
            "region", "item_code", "version_number", "start_date", name="pk_catalogue_effective"
        ),
    )
