"""The tables of what settles differences, and of what was moved into accounts."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

difference_order = sa.Table(
    "difference_order",
    metadata,
    region_column(),
    sa.Column("order_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    # 1 pay out, 2 collect, 3 write off.
    sa.Column("kind", sa.SmallInteger, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    # The fund that bears what is written off.
    sa.Column("fund_type", sa.String(6)),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("propose_time", Instant, nullable=False),
    # What follows changes once, when it is closed. 1 proposed, 2 carried out, 3 rejected.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("checker", sa.String(200)),
    sa.Column("close_time", Instant),
    sa.Column("posting_id", Id),
    sa.Column("reject_reason", sa.String(200)),
)
sa.Index(
    "ix_difference_order_region_person_id",
    difference_order.c.region,
    difference_order.c.person_id,
)
# Ids rise with time.
sa.Index(
    "ix_difference_order_region_state_order_id",
    difference_order.c.region,
    difference_order.c.state,
    difference_order.c.order_id,
)

# What was moved of a settlement into the account that had paid too much of it, and, negative,
# what an act of its institution took out again; rows are only ever inserted.
due_move = sa.Table(
    "due_move",
    metadata,
    region_column(),
    sa.Column("settlement_id", Id, primary_key=True),
    # The move, or the adjustment that took out.
    sa.Column("posting_id", Id, primary_key=True),
    sa.Column("move_time", Instant, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    # Of it, what went into or came out of the purse of earlier years.
    sa.Column("carried_fen", sa.BigInteger, nullable=False),
)
