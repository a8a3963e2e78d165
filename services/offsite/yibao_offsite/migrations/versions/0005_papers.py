"""Papers that are handed in as files, sealed, and the keys that they are sealed with."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0005"
down_revision = "0003"


def upgrade() -> None:
    _create_material()
    op.create_table(
        "material_part",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("material_id", Id, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("sealed_data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("region", "material_id", "number", name="pk_material_part"),
    )
    op.create_table(
        "material_use",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("owner", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("material_id", Id, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.PrimaryKeyConstraint(
            "region", "owner", "owner_id", "material_id", name="pk_material_use"
        ),
    )
    for column in ("material_id", "end_date"):
        op.create_index(f"ix_material_use_region_{column}", "material_use", ["region", column])
    op.create_table(
        "material_party",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("party", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "party", name="pk_material_party"),
    )
    op.create_table(
        "trust_secret_check",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("check_value", sa.LargeBinary(32), nullable=False),
        sa.Column("record_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_trust_secret_check"),
    )


def _create_material() -> None:
    op.create_table(
        "material",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("material_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("media_type", sa.SmallInteger),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sealed_told", sa.LargeBinary),
        sa.Column("sealed_manifest", sa.LargeBinary),
        sa.Column("party", sa.String(200), nullable=False),
        sa.Column("begun_by", sa.String(200), nullable=False),
        sa.Column("begin_time", Instant, nullable=False),
        sa.Column("finish_time", Instant),
        sa.Column("sealed_reason", sa.LargeBinary),
        sa.Column("changed_by", sa.String(200), nullable=False),
        sa.Column("change_time", Instant),
        sa.Column("replaces_id", Id),
        sa.Column("replaced_by_id", Id),
        sa.Column("remove_time", Instant),
        sa.Column("is_used", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("region", "material_id", name="pk_material"),
    )
    for column in ("person_id", "party", "kind", "state"):
        op.create_index(
            f"ix_material_region_{column}_material_id",
            "material",
            ["region", column, "material_id"],
        )
    is_unused = sa.text("NOT is_used AND remove_time IS NULL")
    op.create_index(
        "ix_material_unused",
        "material",
        ["region", "party", "begin_time"],
        sqlite_where=is_unused,
        postgresql_where=is_unused,
    )
