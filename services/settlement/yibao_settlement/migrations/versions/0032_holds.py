"""Bills are held before they are settled."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0032"
down_revision = "0031"

_HELD = sa.text("end_time IS NULL")


def upgrade() -> None:
    op.add_column("person_standing", sa.Column("hold_expire_time", Instant))
    op.create_table(
        "hold",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("hold_id", Id, nullable=False),
        sa.Column("request_id", Id, nullable=False),
        sa.Column("held_by", sa.String(200), nullable=False),
        sa.Column("hold_time", Instant, nullable=False),
        sa.Column("visit_id", Id, nullable=False),
        sa.Column("bill_number", sa.String(32), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("service_date", sa.Date, nullable=False),
        sa.Column("policy_version", sa.String(64), nullable=False),
        sa.Column("total_fen", sa.BigInteger, nullable=False),
        sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
        sa.Column("account_fen", sa.BigInteger, nullable=False),
        sa.Column("cash_fen", sa.BigInteger, nullable=False),
        sa.Column("record_form", sa.SmallInteger, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("first_lines", sa.Text),
        sa.Column("is_interim", sa.Boolean, nullable=False),
        sa.Column("line_marks", sa.LargeBinary),
        sa.Column("item_set_mark", sa.LargeBinary),
        sa.Column("further_lines", sa.Text),
        sa.Column("findings", sa.Text, nullable=False),
        sa.Column("expire_time", Instant, nullable=False),
        sa.Column("holder_id", Id, nullable=False),
        sa.Column("adjust_time", Instant),
        sa.Column("cause", sa.SmallInteger),
        sa.Column("cause_id", Id),
        sa.Column("effective", sa.Text),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("end_time", Instant),
        sa.Column("end_reason", sa.String(200)),
        sa.Column("ended_by", sa.String(200)),
        sa.Column("settlement_id", Id),
        sa.PrimaryKeyConstraint("region", "hold_id", name="pk_hold"),
    )
    op.create_index(
        "ix_hold_region_holder_id",
        "hold",
        ["region", "holder_id"],
        sqlite_where=_HELD,
        postgresql_where=_HELD,
    )
    op.create_index(
        "ix_hold_region_expire_time",
        "hold",
        ["region", "expire_time"],
        sqlite_where=_HELD,
        postgresql_where=_HELD,
    )
    op.create_index(
        "uq_hold_region_visit_id_bill_number",
        "hold",
        ["region", "visit_id", "bill_number"],
        unique=True,
        sqlite_where=_HELD,
        postgresql_where=_HELD,
    )
