"""The tables of the offsite database; `region` comes first in every key."""

import sqlalchemy as sa

from yibao_common.db.answers import answer_table
from yibao_common.db.audit_chain import audit_tables
from yibao_common.db.rows import Id, Instant, code_type
from yibao_offsite.storage.audit_task.tables import (
    admission_declaration_table,
    audit_task_tables,
    complaint_tables,
)
from yibao_offsite.storage.evaluation.tables import evaluation_tables
from yibao_offsite.storage.material.tables import material_tables
from yibao_offsite.storage.medical_history.tables import history_tables
from yibao_offsite.storage.qualification.tables import qualification_tables
from yibao_offsite.storage.ticket.tables import ticket_tables

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
    # 1 active, 2 cancelled, 3 submitted, 4 returned, 5 rejected, 6 withdrawn, 7 ended, 8 revoked.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    # The last day of cover as granted; null until changed.
    sa.Column("end_date", sa.Date),
    # As applied for: the evidence of the stay and of the urgency.
    sa.Column("expected_end_date", sa.Date),
    sa.Column("is_urgent", sa.Boolean, nullable=False),
    sa.Column("register_time", Instant, nullable=False),
    sa.Column("registered_by", sa.String(200), nullable=False),
    # Null until cancelled; set once.
    sa.Column("cancel_time", Instant),
    sa.Column("cancelled_by", sa.String(200)),
    # What the stay was shown by: 0 nothing asked, 1 proof, 2 commitment.
    sa.Column("basis", sa.SmallInteger, nullable=False),
    sa.Column("application_channel", sa.SmallInteger, nullable=False),
    # JSON array: kind, material, whether it was shown, what is wrong of it.
    sa.Column("materials", sa.Text, nullable=False),
    # Who referred, for what and when; null of what is no referral.
    sa.Column("referral_institution_id", sa.String(12)),
    sa.Column("referral_diagnosis_code", sa.String(20)),
    sa.Column("referral_date", sa.Date),
    sa.Column("admission_date", sa.Date),
    # 1 agency, 2 self-service, 3 institution, 4 deemed.
    sa.Column("origin", sa.SmallInteger, nullable=False),
    # Whose certificate registered, such as `institution/H33010000001`.
    sa.Column("registered_party", sa.String(200), nullable=False),
    # Who handed in last, and who approved, refused or checked.
    sa.Column("handed_in_by", sa.String(200), nullable=False),
    sa.Column("decided_by", sa.String(200)),
    sa.Column("terms", sa.SmallInteger, nullable=False),
    # JSON array of numbers of the contract.
    sa.Column("benefits", sa.Text, nullable=False),
    sa.Column("change_allowed_date", sa.Date),
    # Empty of what was registered before regions had rules.
    sa.Column("rules_version", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    # The last day as it came out, and why; null while nothing ended it.
    sa.Column("ended_date", sa.Date),
    sa.Column("end_reason", sa.SmallInteger),
    sa.Column("replaces_registration_id", Id),
    sa.Column("replaced_by_registration_id", Id),
    # What an agency has to do, by which day; null where nothing.
    sa.Column("task_kind", sa.SmallInteger),
    sa.Column("task_due_date", sa.Date),
    # Of a deemed registration the visit.
    sa.Column("visit_id", Id),
    sa.Index("ix_registration_region_person_id", "region", "person_id", "registration_id"),
    # What lists are asked for, each in the order of lists.
    *(
        sa.Index(f"ix_registration_region_{name}", "region", name, "registration_id")
        for name in ("treatment_region", "state", "category", "registered_party")
    ),
    # Whose cover holds a day: those that began last are asked for first.
    sa.Index("ix_registration_region_start_date", "region", "start_date", "registration_id"),
    sa.Index(
        "ix_registration_region_treatment_region_start_date",
        *("region", "treatment_region", "start_date", "registration_id"),
    ),
    # A rare category among all that goes to a place.
    sa.Index(
        "ix_registration_region_treatment_region_category",
        *("region", "treatment_region", "category", "registration_id"),
    ),
)
# One deemed registration a visit, and what is due: few rows of many.
sa.Index(
    "uq_registration_region_visit_id",
    registration.c.region,
    registration.c.visit_id,
    unique=True,
    sqlite_where=registration.c.visit_id.is_not(None),
    postgresql_where=registration.c.visit_id.is_not(None),
)
sa.Index(
    "ix_registration_region_task_kind_task_due_date",
    registration.c.region,
    registration.c.task_kind,
    registration.c.task_due_date,
    registration.c.registration_id,
    sqlite_where=registration.c.task_due_date.is_not(None),
    postgresql_where=registration.c.task_due_date.is_not(None),
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
# What personal data are sealed with, so that other keys are noticed; of the whole database.
trust_secret_check = sa.Table(
    "trust_secret_check",
    metadata,
    # The id of an encryption key, or `hash`.
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("check_value", sa.LargeBinary(32), nullable=False),
    sa.Column("record_time", Instant, nullable=False),
)

materials = material_tables(metadata)

histories = history_tables(metadata)
# By which the records are found that were merged into a person's.
sa.Index("ix_known_person_region_merged_into", known_person.c.region, known_person.c.merged_into)
evaluations = evaluation_tables(metadata)
tickets = ticket_tables(metadata)

# What was done to registrations; only ever inserted. Of those from before regions had rules the
# steps are those that their rows tell of.
registration_step = sa.Table(
    "registration_step",
    metadata,
    _region(),
    sa.Column("registration_id", Id, primary_key=True),
    # The version of the registration that the step made.
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    # By its number in the contract, as the state since then.
    sa.Column("event", sa.SmallInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("event_time", Instant, nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("remark", sa.Text, nullable=False),
)

# Whose self-service is limited by which revoked registration; only ever inserted.
self_service_limit = sa.Table(
    "self_service_limit",
    metadata,
    _region(),
    sa.Column("person_id", Id, primary_key=True),
    sa.Column("registration_id", Id, primary_key=True),
    # The last day.
    sa.Column("until_date", sa.Date, nullable=False),
)

# Files of a region's rules. What was submitted never changes; a draft is approved once.
region_rules = sa.Table(
    "region_rules",
    metadata,
    _region(),
    # The SHA-256 of the contents.
    sa.Column("rules_version", code_type(64), primary_key=True),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("contents", sa.LargeBinary, nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("submit_time", Instant, nullable=False),
    # Null of a draft; set once.
    sa.Column("checker", sa.String(200)),
    sa.Column("approve_time", Instant),
    sa.Index("ix_region_rules_region_effective_date", "region", "effective_date"),
)
# Audits, what hospitals declare for them, and complaints.
audit_tasks = audit_task_tables(metadata)
admission_declaration = admission_declaration_table(metadata)
complaints = complaint_tables(metadata)
chronic = qualification_tables(metadata)
