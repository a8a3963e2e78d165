"""The first schema: reference data, persons, visits, standings, settlements, ledger."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_reference_data()
    _create_persons()
    _create_visits()
    _create_settlements()
    _create_ledger()


def _create_reference_data() -> None:
    op.create_table(
        "answer",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("request_id", Id, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("region", "request_id", name="pk_answer"),
    )
    op.create_table(
        "reference_epoch",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", name="pk_reference_epoch"),
    )
    op.create_table(
        "institution",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("institution_name", sa.String(200), nullable=False),
        sa.Column("institution_level", sa.String(2), nullable=False),
        sa.Column("ecert_supported", sa.Boolean, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.PrimaryKeyConstraint("region", "institution_id", name="pk_institution"),
    )
    op.create_table(
        "catalogue_item",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("item_code", sa.String(50), nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("item_name", sa.String(200), nullable=False),
        sa.Column("catalogue_class", sa.String(2), nullable=False),
        sa.Column("prepay_ratio_ppm", sa.Integer),
        sa.Column("price_ceiling", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("region", "item_code", "start_date", name="pk_catalogue_item"),
    )
    op.create_table(
        "policy",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("policy_version", sa.String(64), nullable=False),
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
        sa.PrimaryKeyConstraint("region", "policy_version", name="pk_policy"),
    )


def _create_persons() -> None:
    op.create_table(
        "enrolment",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("credential_usable", sa.Boolean, nullable=False),
        sa.Column("birth_date", sa.Date, nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("person_class", sa.String(4), nullable=False),
        sa.Column("entitlement_groups", sa.String(200), nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", name="pk_enrolment"),
    )
    op.create_index("ix_enrolment_region_subject", "enrolment", ["region", "subject"])
    op.create_table(
        "feed_position",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", name="pk_feed_position"),
    )


def _create_visits() -> None:
    op.create_table(
        "visit",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("visit_id", Id, nullable=False),
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
        sa.PrimaryKeyConstraint("region", "visit_id", name="pk_visit"),
        sa.UniqueConstraint(
            "region",
            "institution_id",
            "provider_visit_number",
            name="uq_visit_region_institution_id_provider_visit_number",
        ),
    )
    op.create_table(
        "person_standing",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("balance_fen", sa.BigInteger, nullable=False),
        sa.Column("benefit_year", sa.SmallInteger, nullable=False),
        sa.Column("accumulators", sa.Text, nullable=False),
        sa.Column("newest_code_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", name="pk_person_standing"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "closed_year",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("benefit_year", sa.SmallInteger, nullable=False),
        sa.Column("accumulators", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", "benefit_year", name="pk_closed_year"),
    )
    op.create_table(
        "used_code",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("code_id", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("request_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("terminal_id", sa.String(32), nullable=False),
        sa.Column("scan_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "code_id", "subject", name="pk_used_code"),
    )


def _create_settlements() -> None:
    op.create_table(
        "settlement",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("settlement_id", Id, nullable=False),
        sa.Column("request_id", Id, nullable=False),
        sa.Column("visit_id", Id, nullable=False),
        sa.Column("bill_number", sa.String(32), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("benefit_year", sa.SmallInteger, nullable=False),
        sa.Column("service_date", sa.Date, nullable=False),
        sa.Column("settle_time", Instant, nullable=False),
        sa.Column("policy_version", sa.String(64), nullable=False),
        sa.Column("total_fen", sa.BigInteger, nullable=False),
        sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
        sa.Column("account_fen", sa.BigInteger, nullable=False),
        sa.Column("cash_fen", sa.BigInteger, nullable=False),
        sa.Column("accumulations", sa.Text, nullable=False),
        sa.Column("fund_amounts", sa.Text, nullable=False),
        sa.Column("reversal_id", Id),
        sa.Column("reverse_time", Instant),
        sa.Column("reverse_reason", sa.String(200)),
        sa.Column("reversed_by", sa.String(200)),
        sa.PrimaryKeyConstraint("region", "settlement_id", name="pk_settlement"),
        postgresql_with={"fillfactor": 90},
    )
    op.create_index(
        "uq_settlement_region_visit_id_bill_number",
        "settlement",
        ["region", "visit_id", "bill_number"],
        unique=True,
        sqlite_where=sa.text("reversal_id IS NULL"),
        postgresql_where=sa.text("reversal_id IS NULL"),
    )


def _create_ledger() -> None:
    op.create_table(
        "entry",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("account_id", code_type(60), nullable=False),
        sa.Column("posting_id", Id, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", "account_id", "posting_id", name="pk_entry"),
    )
    op.create_table(
        "account_checkpoint",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("account_id", code_type(60), nullable=False),
        sa.Column("through_posting_id", Id, nullable=False),
        sa.Column("balance_fen", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", "account_id", name="pk_account_checkpoint"),
    )
