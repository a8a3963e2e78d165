"""A certificate or card has one code a second; those of before that have more are numbered."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for table, holder in (("issued_code", "certificate_id"), ("card_code", "card_id")):
        _number_ties(table, holder)
        with op.batch_alter_table(table) as codes:
            codes.drop_constraint(f"pk_{table}", type_="primary")
            codes.create_primary_key(f"pk_{table}", ["region", "issue_time", holder, "former_tie"])


def _number_ties(table: str, holder: str) -> None:
    op.add_column(
        table, sa.Column("former_tie", sa.SmallInteger, nullable=False, server_default="0")
    )
    # Few rows are written: almost every code is alone in its second.
    second = f"region, issue_time, {holder}"
    op.execute(
        f"UPDATE {table} SET former_tie = (SELECT count(*) FROM {table} AS other "  # noqa: S608
        f"WHERE other.region = {table}.region AND other.issue_time = {table}.issue_time "
        f"AND other.{holder} = {table}.{holder} AND other.code_id < {table}.code_id) "
        f"WHERE ({second}) IN "
        f"(SELECT {second} FROM {table} GROUP BY {second} HAVING count(*) > 1)"
    )
