"""The table of what relatives' accounts paid of bills."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

# What came from a giver's account for a bill of a receiver or, negative, went back to it; rows
# are only ever inserted.
family_payment = sa.Table(
    "family_payment",
    metadata,
    region_column(),
    sa.Column("posting_id", Id, primary_key=True),
    sa.Column("giver_id", Id, primary_key=True),
    # The link that the giver agreed to; a giver may have given by another one before.
    sa.Column("link_id", sa.String(36), primary_key=True),
    # Who held the receiver's account then.
    sa.Column("receiver_id", Id, nullable=False),
    # That of the bill among the receiver's: see `SettlementRecord.place`.
    sa.Column("place", Id, nullable=False),
    # Who held the giver's account then.
    sa.Column("to_id", Id, nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    # What the giver is to the receiver, as in identity's links; 0 where it was not kept.
    sa.Column("relation", sa.SmallInteger, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    # Of it, what came out of or went to the purse of earlier years.
    sa.Column("carried_fen", sa.BigInteger, nullable=False),
    # The calendar year in which it was given, whose limit it uses, also where it goes back.
    sa.Column("year", sa.SmallInteger, nullable=False),
    sa.Column("pay_time", Instant, nullable=False),
    sa.Index("ix_family_payment_region_receiver_id_year", "region", "receiver_id", "year"),
    sa.Index("ix_family_payment_region_place", "region", "place"),
)

# What of the account's part of an act at a counter accounts of relatives pay, by the id of the
# settlement, the reversal or the refund, negative where it is given back; only ever inserted.
family_act = sa.Table(
    "family_act",
    metadata,
    region_column(),
    sa.Column("act_id", Id, primary_key=True),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
)
