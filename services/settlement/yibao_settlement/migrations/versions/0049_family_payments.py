"""Relatives' accounts pay: on which terms they agreed, and what they paid and got back.

The feed tells the terms of everybody when it is read anew, once; until then those who agreed
are taken to have done so without limits, as all had before there were any.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    op.create_table(
        "family_payment",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("posting_id", Id, nullable=False),
        sa.Column("giver_id", Id, nullable=False),
        sa.Column("link_id", sa.String(36), nullable=False),
        sa.Column("receiver_id", Id, nullable=False),
        sa.Column("place", Id, nullable=False),
        sa.Column("to_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("relation", sa.SmallInteger, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("carried_fen", sa.BigInteger, nullable=False),
        sa.Column("year", sa.SmallInteger, nullable=False),
        sa.Column("pay_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "posting_id", "giver_id", "link_id", name="pk_family_payment"
        ),
    )
    op.create_index(
        "ix_family_payment_region_receiver_id_year",
        "family_payment",
        ["region", "receiver_id", "year"],
    )
    op.create_index("ix_family_payment_region_place", "family_payment", ["region", "place"])
    op.create_table(
        "family_act",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("act_id", Id, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", "act_id", name="pk_family_act"),
    )
    op.add_column("person", sa.Column("givers", sa.Text))
    op.execute("UPDATE feed_position SET epoch = ''")
