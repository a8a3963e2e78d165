"""Visits have facts, an end and a stay; bills of a stay may be interim ones.

Visits of before get no stay: nobody could have told their end, so none of them is open.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    for column in (
        sa.Column("department", sa.String(100)),
        sa.Column("bed", sa.String(32)),
        sa.Column("disease_code", sa.String(30)),
        sa.Column("diagnoses", sa.Text),
        sa.Column("operations", sa.Text),
        sa.Column("end_date", sa.Date),
        sa.Column("discharge_way", sa.SmallInteger),
        sa.Column("transfer_from_visit_id", Id),
        sa.Column("stay_id", Id),
        sa.Column("undischarged_person_id", Id),
    ):
        op.add_column("visit", column)
    for name in ("undischarged_person_id", "transfer_from_visit_id"):
        op.create_index(
            f"ix_visit_region_{name}",
            "visit",
            ["region", name],
            sqlite_where=sa.text(f"{name} IS NOT NULL"),
            postgresql_where=sa.text(f"{name} IS NOT NULL"),
        )
    op.add_column(
        "settlement",
        sa.Column("is_interim", sa.Boolean, nullable=False, server_default=sa.false()),
    )
