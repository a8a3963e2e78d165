"""The tables of the settlement database.

`region` comes first in every key, so that the same schema spreads over Citus; ids come from the
application. What is on record is only ever inserted. Rights: `docs/operating/databases.md`.
"""

import sqlalchemy as sa

from yibao_common.db.audit_chain import audit_tables
from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.account_close.tables import closed_account as closed_account
from yibao_settlement.storage.catalogue_version import tables as catalogue_versions
from yibao_settlement.storage.correction.tables import correction as correction
from yibao_settlement.storage.credential import tables as credentials
from yibao_settlement.storage.credit import tables as _accounts
from yibao_settlement.storage.declaration import tables as _declarations  # noqa: F401
from yibao_settlement.storage.difference.tables import difference_order as difference_order
from yibao_settlement.storage.difference.tables import due_move as due_move
from yibao_settlement.storage.elsewhere import tables as _elsewhere  # noqa: F401
from yibao_settlement.storage.family.tables import family_act as family_act
from yibao_settlement.storage.family.tables import family_payment as family_payment
from yibao_settlement.storage.hold.tables import hold as hold
from yibao_settlement.storage.hold.tables import hold_request as hold_request
from yibao_settlement.storage.institution.tables import doctor_points as doctor_points
from yibao_settlement.storage.ledger import tables as ledger
from yibao_settlement.storage.mapping import tables as mappings
from yibao_settlement.storage.outcome.tables import answer as answer
from yibao_settlement.storage.outcome.tables import past_answer as past_answer
from yibao_settlement.storage.override.tables import override as override
from yibao_settlement.storage.period.tables import period_close as period_close
from yibao_settlement.storage.period.tables import period_sum as period_sum
from yibao_settlement.storage.refund.tables import refund as refund
from yibao_settlement.storage.repair.tables import repair as repair
from yibao_settlement.storage.report.tables import refusal_count as refusal_count
from yibao_settlement.storage.repricing.tables import repriced_person as repriced_person
from yibao_settlement.storage.repricing.tables import repricing as repricing
from yibao_settlement.storage.repricing.tables import settlement_terms as settlement_terms
from yibao_settlement.storage.review import tables as reviewing
from yibao_settlement.storage.settlement import tables as settlements
from yibao_settlement.storage.token.tables import credential_token as credential_token
from yibao_settlement.storage.token.tables import token_use as token_use
from yibao_settlement.storage.year import tables as year

metadata = ledger.metadata
_region, _index_where_set = ledger.region_column, ledger.index_where_set

audit = audit_tables(metadata)

# --- Reference data: read by every batch, written rarely, cached by epoch.

reference_epoch = sa.Table(
    "reference_epoch",
    metadata,
    _region(),
    # Rises with every change to the region's institutions, items or policies, by a random number.
    sa.Column("epoch", sa.BigInteger, nullable=False),
)

institution = sa.Table(
    "institution",
    metadata,
    _region(),
    sa.Column("institution_id", sa.String(12), primary_key=True),
    sa.Column("institution_name", sa.String(200), nullable=False),
    sa.Column("institution_level", sa.String(2), nullable=False),
    sa.Column("ecert_supported", sa.Boolean, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date),
)

catalogue_item = sa.Table(
    "catalogue_item",
    metadata,
    _region(),
    sa.Column("item_code", sa.String(50), primary_key=True),
    sa.Column("start_date", sa.Date, primary_key=True),
    sa.Column("end_date", sa.Date),
    sa.Column("item_name", sa.String(200), nullable=False),
    sa.Column("catalogue_class", sa.String(2), nullable=False),
    sa.Column("first_self_pay_ratio_ppm", sa.Integer),
    sa.Column("price_ceiling", sa.String(20), nullable=False),  # as imported, in yuan
    sa.Column("is_limited_use", sa.Boolean, nullable=False),
    sa.Column("item_group", sa.String(50)),
    sa.Column("level_price_ceilings", sa.Text),
)

policy = sa.Table(
    "policy",
    metadata,
    _region(),
    sa.Column("policy_version", sa.String(64), primary_key=True),
    sa.Column("policy_id", sa.String(100), nullable=False),
    sa.Column("insurance_type", sa.String(3), nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date),
    sa.Column("policy_file", sa.LargeBinary, nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("submit_time", Instant, nullable=False),
    sa.Column("checker", sa.String(200), nullable=False),
    sa.Column("approve_time", Instant),
    sa.Column("withdrawer", sa.String(200)),
    sa.Column("withdraw_time", Instant),
)

# --- Persons, as identity's feed tells of them: no identity number, of the name its beginning.

person = sa.Table(
    "person",
    metadata,
    _region(),
    sa.Column("person_id", Id, primary_key=True),
    # That of the change which told it.
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("birth_date", sa.Date, nullable=False),
    # The person that this one was a duplicate of.
    sa.Column("merged_into", Id),
    # Relatives whose accounts may pay, joined by commas, in the order in which they agreed.
    sa.Column("payer_ids", sa.Text, nullable=False),
    # In which reading of the feed that was told.
    sa.Column("reading", sa.Integer, nullable=False),
    # When a feed that was read anew did not tell of the person any more.
    sa.Column("gone_time", Instant),
    # Null while the person lives.
    sa.Column("death_date", sa.Date),
    sa.Column("diseases", sa.Text),
    # Null while the feed did not tell of them.
    sa.Column("person_name_masked", sa.String(50)),
    sa.Column("gender", sa.SmallInteger),
    # JSON: those of `payer_ids` with their terms; null where none are told (`storage.family`).
    sa.Column("givers", sa.Text),
)
_index_where_set(person, "region", "merged_into", is_set="merged_into")

# The periods of a person lie together: they are read and replaced as one.
enrolment = sa.Table(
    "enrolment",
    metadata,
    _region(),
    sa.Column("person_id", Id, primary_key=True),
    sa.Column("enrolment_id", Id, primary_key=True),
    sa.Column("insurance_type", sa.String(3), nullable=False),
    sa.Column("person_class", sa.String(4), nullable=False),
    # Codes joined by commas, sorted.
    sa.Column("entitlement_groups", sa.String(200), nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    # The last day; null while it is open.
    sa.Column("end_date", sa.Date),
    sa.Column("has_employer", sa.Boolean, nullable=False),
    sa.Column("is_premium_pending", sa.Boolean, nullable=False),
    sa.Column("tier", sa.String(20), nullable=False),
    sa.Column("insured_months_before", sa.SmallInteger),
    sa.Column("months_owing", sa.SmallInteger),
    sa.Column("years_unclaimed", sa.SmallInteger),
)

feed_position = sa.Table(
    "feed_position",
    metadata,
    _region(),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    # Of the feed that the sequence is of; empty while it is not known.
    sa.Column("epoch", sa.String(36), nullable=False),
    # The newest change that identity told there is, and its mark.
    sa.Column("head_sequence", sa.BigInteger, nullable=False),
    sa.Column("head_mark", sa.String(32), nullable=False),
    # How often the feed was begun.
    sa.Column("reading", sa.Integer, nullable=False),
    # The change that ends a reading that is under way; null otherwise.
    sa.Column("anew_until", sa.BigInteger),
    # When everything was known last; noted once a minute.
    sa.Column("read_time", Instant),
)

# --- What changes with every visit and bill.

visit = sa.Table(
    "visit",
    metadata,
    _region(),
    sa.Column("visit_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    sa.Column("provider_visit_number", sa.String(32), nullable=False),
    sa.Column("care_type", sa.String(6), nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("birth_date", sa.Date, nullable=False),
    sa.Column("insurance_type", sa.String(3), nullable=False),
    sa.Column("person_class", sa.String(4), nullable=False),
    sa.Column("entitlement_groups", sa.String(200), nullable=False),
    sa.Column("institution_level", sa.String(2), nullable=False),
    sa.Column("register_time", Instant, nullable=False),
    # Null until cancelled; set once.
    sa.Column("cancel_time", Instant),
    # The path of the caller's identity; null too for visits cancelled before it was kept.
    sa.Column("cancelled_by", sa.String(200)),
    # What the institution told last; null where it told nothing.
    sa.Column("department", sa.String(100)),
    sa.Column("bed", sa.String(32)),
    sa.Column("disease_code", sa.String(30)),
    # JSON: an array an item, in the order of `Diagnosis` and `Operation`.
    sa.Column("diagnoses", sa.Text),
    sa.Column("operations", sa.Text),
    # Null until discharge.
    sa.Column("end_date", sa.Date),
    sa.Column("discharge_way", sa.SmallInteger),
    sa.Column("transfer_from_visit_id", Id),
    # Null for visits of before it was kept.
    sa.Column("stay_id", Id),
    # The person while it is a stay whose discharge was not told; else null, as of before.
    sa.Column("undischarged_person_id", Id),
    # Of care in another region alone: where, on which terms when it was registered, and by
    # which registration.
    sa.Column("place_region", sa.String(6)),
    sa.Column("offsite_terms", sa.String(20)),
    sa.Column("registration_id", Id),
    # JSON: an array in the order of `CareMarks`; null where the institution told none.
    sa.Column("care_marks", sa.Text),
    sa.Index("ix_visit_region_person_id_start_date", "region", "person_id", "start_date"),
    # For lists of an institution.
    sa.Index(
        "ix_visit_region_institution_id_register_time_visit_id",
        *("region", "institution_id", "register_time", "visit_id"),
    ),
)
_index_where_set(visit, "region", "undischarged_person_id", is_set="undischarged_person_id")
_index_where_set(visit, "region", "transfer_from_visit_id", is_set="transfer_from_visit_id")
# A number is an institution's own; cancelled visits do not count. The number comes first,
# because it is what is looked up.
sa.Index(
    "uq_visit_region_provider_visit_number_institution_id",
    visit.c.region,
    visit.c.provider_visit_number,
    visit.c.institution_id,
    unique=True,
    sqlite_where=visit.c.cancel_time.is_(None),
    postgresql_where=visit.c.cancel_time.is_(None),
)

# The one row that every command of a person locks: account, current benefit year and
# the newest codes seen. Nothing indexes what changes, so that updates stay in the page.
person_standing = sa.Table(
    "person_standing",
    metadata,
    _region(),
    sa.Column("person_id", Id, primary_key=True),
    sa.Column("balance_fen", sa.BigInteger, nullable=False),
    # 0 before the first settlement.
    sa.Column("benefit_year", sa.SmallInteger, nullable=False),
    # JSON object: accumulator name to what the year's settlements used up.
    sa.Column("accumulators", sa.Text, nullable=False),
    # JSON object: signer to the newest issue second of codes presented in the last minutes.
    sa.Column("newest_codes", sa.Text, nullable=False),
    sa.Column("merged_into", Id),  # whose account took this one over
    # What of the balance is of years before `account_year`, which is 0 before there was any.
    sa.Column("carried_fen", sa.BigInteger, nullable=False),
    sa.Column("account_year", sa.SmallInteger, nullable=False),
    # Ids of the person's settlements rise in the order in which they were settled.
    sa.Column("newest_settlement_id", Id),
    sa.Column("hold_expire_time", Instant),  # of the person's first; null for most
    postgresql_with={"fillfactor": 70},
)

# Earlier benefit years, kept for late bills.
closed_year = sa.Table(
    "closed_year",
    metadata,
    _region(),
    sa.Column("person_id", Id, primary_key=True),
    sa.Column("benefit_year", sa.SmallInteger, primary_key=True),
    sa.Column("accumulators", sa.Text, nullable=False),
)

used_code = sa.Table(
    "used_code",
    metadata,
    _region(),
    # Claim `cti` in hexadecimal.
    sa.Column("code_id", sa.String(16), primary_key=True),
    # The subject in mode A; the device certificate, in hexadecimal, in mode B.
    sa.Column("signer", sa.String(32), primary_key=True),
    sa.Column("request_id", Id, nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    sa.Column("terminal_id", sa.String(32), nullable=False),
    sa.Column("scan_time", Instant, nullable=False),
    # What it was used for: a visit, settlement, hold or resolution; null before it was kept.
    sa.Column("used_for_id", Id),
)

# The lines of visits that are known by an id: uploaded, or carried by a bill.
charge = sa.Table(
    "charge",
    metadata,
    _region(),
    sa.Column("visit_id", Id, primary_key=True),
    sa.Column("line_id", sa.String(30), primary_key=True),
    # The institution's number of the batch, or empty.
    sa.Column("charge_batch_id", sa.String(30), nullable=False),
    sa.Column("upload_time", Instant, nullable=False),
    sa.Column("is_uploaded", sa.Boolean, nullable=False),  # False too where it was cancelled
    sa.Column("settlement_id", Id),  # that took it; null while none has
    sa.Column("line", sa.Text, nullable=False),  # JSON: see `storage.charge`
    postgresql_with={"fillfactor": 90},
)
_index_where_set(charge, "region", "settlement_id", is_set="settlement_id")

# --- Stated beside what reads or writes them.
credential, accounts = credentials.credential, _accounts
benefit_window, adjustment = settlements.benefit_window, settlements.adjustment
settlement, settlement_lines = settlements.settlement, settlements.settlement_lines
review, review_event = reviewing.review, reviewing.review_event
entry, posting, posting_fence = ledger.entry, ledger.posting, ledger.posting_fence
account_checkpoint, listed = ledger.account_checkpoint, catalogue_versions
year_close, year_refused, year_statement = year.year_close, year.year_refused, year.year_statement
code_mapping, mapping_book = mappings.code_mapping, mappings.mapping_book
