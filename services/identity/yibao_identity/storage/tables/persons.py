"""Insured persons, their enrolments, merges and relatives, and the feed of changes."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_identity.storage.tables.base import metadata, region_column, text_column

# Every command that changes anything of a person locks this row first.
person = sa.Table(
    "person",
    metadata,
    region_column(),
    sa.Column("person_id", Id, primary_key=True),
    sa.Column("certificate_type", sa.String(6), nullable=False),
    # Keyed hash of `rules.document.person_key`: finds a person without showing the number.
    sa.Column("number_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("sealed_number", sa.LargeBinary, nullable=False),
    sa.Column("sealed_name", sa.LargeBinary, nullable=False),
    sa.Column("gender", sa.SmallInteger, nullable=False),
    sa.Column("birth_date", sa.Date, nullable=False),
    sa.Column("register_time", Instant, nullable=False),
    sa.Column("registered_by", sa.String(200), nullable=False),
    # Set where the record was a duplicate; such a row never changes again, but that its
    # `number_hash` gives way where the survivor takes over the document.
    sa.Column("merged_into", Id),
    # The parent of a newborn.
    sa.Column("parent_id", Id),
    # The day of the death that stands in `death`; null while there is none.
    sa.Column("death_date", sa.Date),
    sa.UniqueConstraint("region", "number_hash"),
)

# Which records were merged into one; few were.
sa.Index(
    "ix_person_region_merged_into",
    person.c.region,
    person.c.merged_into,
    sqlite_where=person.c.merged_into.is_not(None),
    postgresql_where=person.c.merged_into.is_not(None),
)

# Newborns alone have a parent.
sa.Index(
    "ix_person_region_parent_id",
    person.c.region,
    person.c.parent_id,
    sqlite_where=person.c.parent_id.is_not(None),
    postgresql_where=person.c.parent_id.is_not(None),
)

# What stood in `person` before a correction; only inserted.
former_person = sa.Table(
    "former_person",
    metadata,
    region_column(),
    sa.Column("person_id", Id, primary_key=True),
    # 1, 2, 3, … of the person.
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("certificate_type", sa.String(6), nullable=False),
    sa.Column("number_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("sealed_number", sa.LargeBinary, nullable=False),
    sa.Column("sealed_name", sa.LargeBinary, nullable=False),
    sa.Column("gender", sa.SmallInteger, nullable=False),
    sa.Column("birth_date", sa.Date, nullable=False),
    sa.Column("replace_time", Instant, nullable=False),
    text_column("replaced_by", 200),
    text_column("explanation", 200),
    sa.Index("ix_former_person_region_number_hash", "region", "number_hash"),
)

# Every death that was reported; only inserted, with a note that is set once where the report
# was wrong.
death = sa.Table(
    "death",
    metadata,
    region_column(),
    sa.Column("death_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("death_date", sa.Date, nullable=False),
    text_column("evidence_reference", 64),
    text_column("recorded_by", 200),
    sa.Column("record_time", Instant, nullable=False),
    text_column("revoked_by", 200),
    sa.Column("revoke_time", Instant),
    text_column("revocation", 200),
)
sa.Index(
    "uq_death_region_person_id",
    death.c.region,
    death.c.person_id,
    unique=True,
    sqlite_where=death.c.revoke_time.is_(None),
    postgresql_where=death.c.revoke_time.is_(None),
)

# Periods; those whose `replace_time` is null stand, and those of one insurance type never
# overlap. A row is only inserted; once each it gets its
# premium and its `replace_time`. Replaced ones are history.
enrolment = sa.Table(
    "enrolment",
    metadata,
    region_column(),
    sa.Column("enrolment_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("insurance_type", sa.String(3), nullable=False),
    sa.Column("person_class", sa.String(4), nullable=False),
    # Codes joined by commas, sorted.
    sa.Column("entitlement_groups", sa.String(200), nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    text_column("employer_code", 32),
    sa.Column("start_date", sa.Date, nullable=False),
    # Included; null while open.
    sa.Column("end_date", sa.Date),
    # Whether nothing is paid before `premium_receive_date` is set.
    sa.Column("is_premium_required", sa.Boolean, nullable=False),
    sa.Column("premium_receive_date", sa.Date),
    text_column("payment_reference", 64),
    sa.Column("record_time", Instant, nullable=False),
    text_column("recorded_by", 200),
    text_column("explanation", 200),
    sa.Column("replace_time", Instant),
    # Empty, and null, where the agency told none.
    text_column("tier", 20),
    sa.Column("insured_months_before", sa.SmallInteger),
    sa.Column("months_owing", sa.SmallInteger),
    sa.Column("years_unclaimed", sa.SmallInteger),
    sa.Index("ix_enrolment_region_person_id", "region", "person_id"),
)

# Registered chronic and special diseases; those whose `replace_time` is null stand. A row is
# only inserted, and once gets its `replace_time`.
disease = sa.Table(
    "disease",
    metadata,
    region_column(),
    sa.Column("disease_registration_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("disease_code", sa.String(30), nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    # Included; null while open, the day before the first where it was taken back.
    sa.Column("end_date", sa.Date),
    sa.Column("record_time", Instant, nullable=False),
    text_column("recorded_by", 200),
    sa.Column("replace_time", Instant),
    sa.Index("ix_disease_region_person_id", "region", "person_id"),
)

# The feed that settlement follows: that something changed; what stands is read from the
# other tables. Only inserted.
person_change = sa.Table(
    "person_change",
    metadata,
    region_column(),
    # 1, 2, 3, … without a gap; handed out under the lock of `feed_head`.
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("record_time", Instant, nullable=False),
    text_column("recorded_by", 200),
)

feed_head = sa.Table(
    "feed_head",
    metadata,
    region_column(),
    # The last sequence number handed out.
    sa.Column("sequence", sa.BigInteger, nullable=False),
    # Made with the row; made anew by who restored the database.
    sa.Column("epoch", Id, nullable=False),
)

person_merge = sa.Table(
    "person_merge",
    metadata,
    region_column(),
    sa.Column("merge_id", Id, primary_key=True),
    sa.Column("retired_person_id", Id, nullable=False),
    sa.Column("surviving_person_id", Id, nullable=False),
    text_column("explanation", 200),
    # 1 proposed, 2 approved, 3 rejected.
    sa.Column("state", sa.SmallInteger, nullable=False),
    text_column("maker", 200),
    sa.Column("propose_time", Instant, nullable=False),
    text_column("checker", 200),
    sa.Column("decide_time", Instant),
    text_column("decision_note", 200),
)
# A record can be retired once only, so one proposal at a time may wait for it.
sa.Index(
    "uq_person_merge_region_retired_person_id",
    person_merge.c.region,
    person_merge.c.retired_person_id,
    unique=True,
    sqlite_where=person_merge.c.state.in_((1, 2)),
    postgresql_where=person_merge.c.state.in_((1, 2)),
)

relative_link = sa.Table(
    "relative_link",
    metadata,
    region_column(),
    sa.Column("link_id", Id, primary_key=True),
    # Who asked and benefits.
    sa.Column("person_id", Id, nullable=False),
    # Who has to agree.
    sa.Column("relative_id", Id, nullable=False),
    # 1 share the account, 2 show the code.
    sa.Column("purpose", sa.SmallInteger, nullable=False),
    sa.Column("relation", sa.SmallInteger, nullable=False),
    # 1 requested, 2 confirmed, 3 ended.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("request_time", Instant, nullable=False),
    text_column("requested_by", 200),
    sa.Column("confirm_time", Instant),
    text_column("confirmed_by", 200),
    sa.Column("end_time", Instant),
    text_column("ended_by", 200),
    # On which terms an account may pay: days, both included, and limits in fen, of a bill and
    # of a year; null without one.
    sa.Column("first_date", sa.Date),
    sa.Column("last_date", sa.Date),
    sa.Column("payment_limit_fen", sa.BigInteger),
    sa.Column("year_limit_fen", sa.BigInteger),
    text_column("consent_reference", 60),
    sa.Index("ix_relative_link_region_relative_id", "region", "relative_id"),
)
sa.Index(
    "uq_relative_link_region_person_id_relative_id_purpose",
    relative_link.c.region,
    relative_link.c.person_id,
    relative_link.c.relative_id,
    relative_link.c.purpose,
    unique=True,
    sqlite_where=relative_link.c.state.in_((1, 2)),
    postgresql_where=relative_link.c.state.in_((1, 2)),
)

# Wrong documents shown in a row for a person, over all methods and callers.
document_guess = sa.Table(
    "document_guess",
    metadata,
    region_column(),
    sa.Column("person_id", Id, primary_key=True),
    sa.Column("wrong_documents", sa.SmallInteger, nullable=False),
    sa.Column("last_time", Instant, nullable=False),
)
