"""The tables of what offsite tells: registrations for care elsewhere and holds of audits."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

registered_care = sa.Table(
    "registered_care",
    metadata,
    region_column(),
    # By person first: a bill asks for all registrations of one.
    sa.Column("person_id", Id, primary_key=True),
    sa.Column("registration_id", Id, primary_key=True),
    sa.Column("category", sa.SmallInteger, nullable=False),
    sa.Column("treatment_region", sa.String(6), nullable=False),
    # A code of the policies' fact `offsite`.
    sa.Column("terms", sa.String(20), nullable=False),
    # JSON array of numbers of the contract.
    sa.Column("benefits", sa.Text, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    # Null until changed.
    sa.Column("end_date", sa.Date),
    sa.Column("is_void", sa.Boolean, nullable=False),
    sa.Column("origin", sa.SmallInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    # In which reading of the feed it was told; 0 where an attestation told it first.
    sa.Column("reading", sa.Integer, nullable=False),
)

audit_hold = sa.Table(
    "audit_hold",
    metadata,
    region_column(),
    sa.Column("visit_id", Id, primary_key=True),
    sa.Column("hold_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("task_id", Id, nullable=False),
    sa.Column("is_lifted", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    # As the offsite service signed it.
    sa.Column("attestation", sa.LargeBinary, nullable=False),
    sa.Column("reading", sa.Integer, nullable=False),
)

# How far the region's feed of offsite was read; see `feed_position`.
offsite_feed_position = sa.Table(
    "offsite_feed_position",
    metadata,
    region_column(),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("epoch", sa.String(36), nullable=False),
    sa.Column("head_sequence", sa.BigInteger, nullable=False),
    sa.Column("head_mark", sa.String(32), nullable=False),
    sa.Column("reading", sa.Integer, nullable=False),
    sa.Column("anew_until", sa.BigInteger),
    sa.Column("read_time", Instant),
)

# Emergencies that count as registered, for offsite to put on record; told once.
deemed_registration = sa.Table(
    "deemed_registration",
    metadata,
    region_column(),
    sa.Column("visit_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    sa.Column("treatment_region", sa.String(6), nullable=False),
    # The first day of the care.
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("create_time", Instant, nullable=False),
    # Null until offsite was told.
    sa.Column("tell_time", Instant),
    # What offsite made of it; null until it was told.
    sa.Column("registration_id", Id),
)
# What is left to be told, few rows.
_UNTOLD = deemed_registration.c.tell_time.is_(None)
sa.Index(
    "ix_deemed_registration_region_create_time",
    deemed_registration.c.region,
    deemed_registration.c.create_time,
    sqlite_where=_UNTOLD,
    postgresql_where=_UNTOLD,
)
