"""Physical cards: their life, PIN and transactions. Money is never here."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type
from yibao_identity.storage.tables.base import (
    former_tie_column,
    metadata,
    region_column,
    text_column,
)

# Every command about a card locks the holder's `person` row, then this one.
card = sa.Table(
    "card",
    metadata,
    region_column(),
    sa.Column("card_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("subject", code_type(13), nullable=False),
    sa.Column("card_serial", code_type(32), nullable=False),
    sa.Column("chip_number", code_type(32), nullable=False),
    sa.Column("standard_version", sa.String(2), nullable=False),
    sa.Column("bank_code", sa.String(32), nullable=False),
    # 1 issued, 2 active, 3 restricted, 4 lost, 5 replaced, 6 closed.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("issue_time", Instant, nullable=False),
    text_column("issued_by", 200),
    # The last day on which it can be activated without a counter.
    sa.Column("activation_deadline_date", sa.Date, nullable=False),
    sa.Column("activate_time", Instant),
    text_column("activated_by", 200),
    # 1 bank, 2 service centre, 3 hospital, 4 pharmacy; null before.
    sa.Column("activation_channel", sa.SmallInteger),
    # The hospital's number of the visit at its first use.
    text_column("provider_visit_number", 32),
    sa.Column("loss_report_time", Instant),
    text_column("loss_reported_by", 200),
    text_column("employer_letter_reference", 64),
    text_column("office_confirmation_reference", 64),
    sa.Column("replaces_card_id", Id),
    # A suspension lies beside the state, so that lifting it restores what was.
    sa.Column("suspension_case_id", Id),
    sa.Column("close_time", Instant),
    text_column("closed_by", 200),
    sa.Column("closing", sa.SmallInteger),
    # Made with the card and never changed, so that a repeated request hashes alike.
    sa.Column("pin_salt", sa.LargeBinary(16), nullable=False),
    # scrypt over the peppered PIN; null before the first one.
    sa.Column("pin_hash", sa.LargeBinary(32)),
    # Which cost and pepper made `pin_hash`.
    sa.Column("pin_scheme", sa.SmallInteger, nullable=False),
    sa.Column("wrong_tries", sa.SmallInteger, nullable=False),
    sa.Column("pin_lost_time", Instant),
    # Transactions ever, and how many of them were printed.
    sa.Column("transactions", sa.BigInteger, nullable=False),
    sa.Column("printed_transactions", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("region", "subject"),
    sa.UniqueConstraint("region", "card_serial"),
    sa.UniqueConstraint("region", "chip_number"),
    sa.Index("ix_card_region_person_id", "region", "person_id"),
)
# One card of a person is on its way or in use; lost, replaced and closed ones do not count.
sa.Index(
    "uq_card_region_person_id",
    card.c.region,
    card.c.person_id,
    unique=True,
    sqlite_where=card.c.state.in_((1, 2, 3)),
    postgresql_where=card.c.state.in_((1, 2, 3)),
)
# What the sweep looks for: issued cards past their deadline.
sa.Index(
    "ix_card_region_activation_deadline_date",
    card.c.region,
    card.c.activation_deadline_date,
    sqlite_where=card.c.state == 1,
    postgresql_where=card.c.state == 1,
)

card_replacement = sa.Table(
    "card_replacement",
    metadata,
    region_column(),
    # The lost card.
    sa.Column("card_id", Id, primary_key=True),
    sa.Column("order_time", Instant, nullable=False),
    text_column("ordered_by", 200),
    sa.Column("ready_date", sa.Date, nullable=False),
    # Null until it is collected.
    sa.Column("new_card_id", Id),
    sa.Column("collect_time", Instant),
    text_column("collected_by", 200),
)

# Every code that was about to be signed for a card, one a second of each, as `issued_code`
# of e-certificates.
card_code = sa.Table(
    "card_code",
    metadata,
    region_column(),
    sa.Column("issue_time", Instant, primary_key=True),
    # Claim `cti` in hexadecimal.
    sa.Column("code_id", code_type(16), nullable=False),
    sa.Column("card_id", Id, primary_key=True),
    sa.Column("audience", sa.String(5), nullable=False),
    text_column("issued_to", 200),
    former_tie_column(),
)

# The codes that spend: what is counted and printed. Only inserted.
card_transaction = sa.Table(
    "card_transaction",
    metadata,
    region_column(),
    sa.Column("card_id", Id, primary_key=True),
    # 1, 2, 3, … of the card.
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("authorize_time", Instant, nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    text_column("terminal", 200),
    sa.Column("audience", sa.String(5), nullable=False),
    sa.Column("code_id", code_type(16), nullable=False),
)
