"""The tables of repricings, of their persons, and of the terms that settlements got by them."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

repricing = sa.Table(
    "repricing",
    metadata,
    region_column(),
    sa.Column("repricing_id", Id, primary_key=True),
    # Which bills are meant: JSON, an object by the names of `Scope`.
    sa.Column("scope", sa.Text, nullable=False),
    # What is asked for anew: JSON, an array of numbers of `RepricedTerm`.
    sa.Column("terms", sa.String(60), nullable=False),
    # 0 as before, 1 a third party, 2 nobody else.
    sa.Column("liability", sa.SmallInteger, nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("propose_time", Instant, nullable=False),
    # What follows changes once. 1 proposed, 2 confirmed, 3 withdrawn.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("checker", sa.String(200)),
    sa.Column("close_time", Instant),
    # Of the confirmation.
    sa.Column("request_id", Id),
)
# For those that go on.
sa.Index("ix_repricing_region_state", repricing.c.region, repricing.c.state)

repriced_person = sa.Table(
    "repriced_person",
    metadata,
    region_column(),
    sa.Column("repricing_id", Id, primary_key=True),
    sa.Column("person_id", Id, primary_key=True),
    # 1 waiting, 2 simulated, 3 unchanged, 4 refused, 5 carried out, 6 changed since.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("bill_count", sa.Integer, nullable=False),
    sa.Column("fund_change_fen", sa.BigInteger, nullable=False),
    sa.Column("difference_fen", sa.BigInteger, nullable=False),
    sa.Column("due_fen", sa.BigInteger, nullable=False),
    # The name of the reason, where it is refused.
    sa.Column("reason", sa.String(60)),
)
sa.Index(
    "ix_repriced_person_region_repricing_id_state_person_id",
    repriced_person.c.region,
    repriced_person.c.repricing_id,
    repriced_person.c.state,
    repriced_person.c.person_id,
)

# Never changed. The newest of a settlement decide what it costs by now.
settlement_terms = sa.Table(
    "settlement_terms",
    metadata,
    region_column(),
    sa.Column("settlement_id", Id, primary_key=True),
    # 1 for the first ones that are not those it was settled on.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("set_time", Instant, nullable=False),
    # As of adjustments: 2 a refund of the settlement, 7 a repricing.
    sa.Column("cause", sa.SmallInteger, nullable=False),
    sa.Column("cause_id", Id, nullable=False),
    sa.Column("policy_version", sa.String(64), nullable=False),
    # Facts, in JSON: see `storage.repricing.terms`.
    sa.Column("terms", sa.Text, nullable=False),
    # JSON: the lines that are left, as in `settlement_lines`.
    sa.Column("lines", sa.Text, nullable=False),
)
