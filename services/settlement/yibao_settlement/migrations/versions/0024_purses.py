"""Accounts tell this year's money from that of earlier years.

What accounts hold is taken as of the year of the upgrade: nothing says how much of it is
older, and at the end of that year all of it is.
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_CHINA = dt.timezone(dt.timedelta(hours=8))


def _columns() -> list[sa.Column[int]]:
    return [
        sa.Column("carried_fen", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("account_year", sa.SmallInteger, nullable=False, server_default="0"),
    ]


def upgrade() -> None:
    with op.batch_alter_table("person_standing") as standing:
        for column in _columns():
            standing.add_column(column)
    year = dt.datetime.now(_CHINA).year
    op.execute(
        sa.text("UPDATE person_standing SET account_year = :year WHERE balance_fen > 0").bindparams(
            year=year
        )
    )
    with op.batch_alter_table("person_standing") as standing:
        for column in _columns():
            standing.alter_column(
                column.name, existing_type=column.type, existing_nullable=False, server_default=None
            )
