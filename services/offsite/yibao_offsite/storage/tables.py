"""The tables of the offsite database; `region` comes first in every key."""

import sqlalchemy as sa

from yibao_common.db.answers import answer_table
from yibao_common.db.audit_chain import audit_tables
from yibao_common.db.rows import Id, Instant

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _region() -> sa.Column[str]:
    return sa.Column("region", sa.String(6), primary_key=True)


answer = answer_table(metadata)
audit = audit_tables(metadata)

# The row that a registration locks, so that two of one person are made one by one. It stays.
person = sa.Table(
    "person",
    metadata,
    _region(),
    sa.Column("person_id", Id, primary_key=True),
)

registration = sa.Table(
    "registration",
    metadata,
    _region(),
    sa.Column("registration_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("category", sa.SmallInteger, nullable=False),
    sa.Column("treatment_region", sa.String(6), nullable=False),
    # 1 active, 2 cancelled.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    # The last day of cover; null for long-term categories.
    sa.Column("end_date", sa.Date),
    # As applied for: the evidence of the stay and of the urgency.
    sa.Column("expected_end_date", sa.Date),
    sa.Column("is_urgent", sa.Boolean, nullable=False),
    sa.Column("register_time", Instant, nullable=False),
    sa.Column("registered_by", sa.String(200), nullable=False),
    # Null until cancelled; set once.
    sa.Column("cancel_time", Instant),
    sa.Column("cancelled_by", sa.String(200)),
    sa.Index("ix_registration_region_person_id", "region", "person_id"),
)

# What identity's feed told of a person last.
known_person = sa.Table(
    "known_person",
    metadata,
    _region(),
    sa.Column("person_id", Id, primary_key=True),
    sa.Column("birth_date", sa.Date, nullable=False),
    sa.Column("death_date", sa.Date),
    sa.Column("merged_into", Id),
    # JSON array of periods: insurance type, status, first and last day.
    sa.Column("periods", sa.Text, nullable=False),
    sa.Column("person_name_masked", sa.Text, nullable=False),
    # In which reading of the feed it was told.
    sa.Column("reading", sa.Integer, nullable=False),
    sa.Index("ix_known_person_region_reading", "region", "reading"),
)

# How far the region's feed of persons was read.
person_feed_position = sa.Table(
    "person_feed_position",
    metadata,
    _region(),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("epoch", sa.String(36), nullable=False),
    sa.Column("head_sequence", sa.BigInteger, nullable=False),
    sa.Column("head_mark", sa.String(32), nullable=False),
    sa.Column("reading", sa.Integer, nullable=False),
    sa.Column("anew_until", sa.BigInteger),
    sa.Column("read_time", Instant),
)

# What settlement is told: that something of a registration or a hold changed. What stands is
# read from the tables below when the feed is read.
feed_change = sa.Table(
    "feed_change",
    metadata,
    _region(),
    # 1, 2, 3, … without a gap; handed out under the lock of `feed_head`.
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    # One of both.
    sa.Column("registration_id", Id),
    sa.Column("hold_id", Id),
    # Random: what tells the change from any other of its number.
    sa.Column("mark", sa.String(32), nullable=False),
)

feed_head = sa.Table(
    "feed_head",
    metadata,
    _region(),
    # The last sequence number handed out.
    sa.Column("sequence", sa.BigInteger, nullable=False),
    # Made with the row; made anew by who restored the database.
    sa.Column("epoch", Id, nullable=False),
)

# Registrations as settlement was told of them last.
told_registration = sa.Table(
    "told_registration",
    metadata,
    _region(),
    sa.Column("registration_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("category", sa.SmallInteger, nullable=False),
    sa.Column("treatment_region", sa.String(6), nullable=False),
    sa.Column("terms", sa.SmallInteger, nullable=False),
    # JSON array of numbers of the contract.
    sa.Column("benefits", sa.Text, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    # Null until changed.
    sa.Column("end_date", sa.Date),
    sa.Column("is_void", sa.Boolean, nullable=False),
    sa.Column("origin", sa.SmallInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

# Holds of audits as settlement was told of them last.
told_hold = sa.Table(
    "told_hold",
    metadata,
    _region(),
    sa.Column("hold_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("visit_id", Id, nullable=False),
    sa.Column("task_id", Id, nullable=False),
    sa.Column("is_lifted", sa.Boolean, nullable=False),
    sa.Column("attestation", sa.LargeBinary, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

# Entries of the status lists of attestations, each taken once, at random.
attestation_entry = sa.Table(
    "attestation_entry",
    metadata,
    _region(),
    sa.Column("list_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("status_index", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("registration_id", Id, nullable=False),
    # SHA-256 of what is stated but for the last day.
    sa.Column("stated_digest", sa.LargeBinary(32), nullable=False),
    # No attestation that names it is valid from then on.
    sa.Column("last_expire_time", Instant, nullable=False),
    # From which day on its bit is set; null while nothing ended the cover.
    sa.Column("withdraw_date", sa.Date),
    sa.Column("take_time", Instant, nullable=False),
    sa.Index("ix_attestation_entry_region_registration_id", "region", "registration_id"),
    sa.Index(
        "ix_attestation_entry_region_list_number_withdraw_date",
        "region",
        "list_number",
        "withdraw_date",
    ),
)
