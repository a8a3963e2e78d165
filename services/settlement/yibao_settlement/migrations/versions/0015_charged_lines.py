"""Lines are uploaded before they are settled, and items may be for limited use.

No item stored before was marked so. Bills of before have no lines with ids.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    column = sa.Column("is_limited_use", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("catalogue_item", column)
    with op.batch_alter_table("catalogue_item") as table:
        table.alter_column(
            column.name, existing_type=column.type, existing_nullable=False, server_default=None
        )
    op.create_table(
        "charge",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("visit_id", Id, nullable=False),
        sa.Column("line_id", sa.String(30), nullable=False),
        sa.Column("charge_batch_id", sa.String(30), nullable=False),
        sa.Column("upload_time", Instant, nullable=False),
        sa.Column("is_uploaded", sa.Boolean, nullable=False),
        sa.Column("settlement_id", Id),
        sa.Column("line", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("region", "visit_id", "line_id", name="pk_charge"),
        postgresql_with={"fillfactor": "90"},
    )
    taken = sa.text("settlement_id IS NOT NULL")
    op.create_index(
        "ix_charge_region_settlement_id",
        "charge",
        ["region", "settlement_id"],
        sqlite_where=taken,
        postgresql_where=taken,
    )
