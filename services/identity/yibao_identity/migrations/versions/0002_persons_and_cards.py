"""Enrolment periods of their own, corrections, merges, relatives, and physical cards."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _create_persons()
    _move_enrolments()
    _extend_persons_and_certificates()
    _create_cards()


def _move_enrolments() -> None:
    # The change with a person's highest sequence is what stands. The person's id serves as
    # that of the first period: both are UUIDs, and no other period has it.
    op.execute(
        """
        INSERT INTO enrolment (
            region, enrolment_id, person_id, insurance_type, person_class,
            entitlement_groups, status, employer_code, start_date, end_date,
            is_premium_required, premium_receive_date, payment_reference,
            record_time, recorded_by, explanation, replace_time
        )
        SELECT
            region, person_id, person_id, insurance_type, person_class,
            entitlement_groups, status, '', start_date, NULL,
            FALSE, NULL, '', record_time, recorded_by, '', NULL
        FROM enrolment_change AS standing
        WHERE sequence = (
            SELECT max(sequence) FROM enrolment_change AS change
            WHERE change.region = standing.region AND change.person_id = standing.person_id
        )
        """
    )
    op.execute(
        """
        INSERT INTO person_change (region, sequence, person_id, record_time, recorded_by)
        SELECT region, sequence, person_id, record_time, recorded_by FROM enrolment_change
        """
    )
    op.drop_table("enrolment_change")


def _extend_persons_and_certificates() -> None:
    with op.batch_alter_table("person") as person:
        person.alter_column(
            "certificate_type",
            existing_type=sa.String(2),
            type_=sa.String(6),
            existing_nullable=False,
        )
        person.add_column(sa.Column("merged_into", Id))
        person.add_column(sa.Column("parent_id", Id))
    op.add_column("certificate", sa.Column("suspension_case_id", Id))
    op.add_column("certificate", sa.Column("close_time", Instant))
    op.add_column("certificate", sa.Column("closed_by", sa.String(200)))
    op.create_index("ix_certificate_region_person_id", "certificate", ["region", "person_id"])
    op.add_column("issued_code", sa.Column("shown_by", Id))


def _create_persons() -> None:
    op.create_table(
        "former_person",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("certificate_type", sa.String(6), nullable=False),
        sa.Column("number_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("sealed_number", sa.LargeBinary, nullable=False),
        sa.Column("sealed_name", sa.LargeBinary, nullable=False),
        sa.Column("gender", sa.SmallInteger, nullable=False),
        sa.Column("birth_date", sa.Date, nullable=False),
        sa.Column("replace_time", Instant, nullable=False),
        sa.Column("replaced_by", sa.String(200), nullable=False),
        sa.Column("explanation", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", "revision", name="pk_former_person"),
    )
    op.create_table(
        "enrolment",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("enrolment_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("person_class", sa.String(4), nullable=False),
        sa.Column("entitlement_groups", sa.String(200), nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("employer_code", sa.String(32), nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("is_premium_required", sa.Boolean, nullable=False),
        sa.Column("premium_receive_date", sa.Date),
        sa.Column("payment_reference", sa.String(64), nullable=False),
        sa.Column("record_time", Instant, nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("explanation", sa.String(200), nullable=False),
        sa.Column("replace_time", Instant),
        sa.PrimaryKeyConstraint("region", "enrolment_id", name="pk_enrolment"),
    )
    op.create_index(
        "ix_enrolment_region_person_id",
        "enrolment",
        ["region", "person_id"],
    )
    op.create_table(
        "person_change",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("record_time", Instant, nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "sequence", name="pk_person_change"),
    )
    op.create_table(
        "person_merge",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("merge_id", Id, nullable=False),
        sa.Column("retired_person_id", Id, nullable=False),
        sa.Column("surviving_person_id", Id, nullable=False),
        sa.Column("explanation", sa.String(200), nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("propose_time", Instant, nullable=False),
        sa.Column("checker", sa.String(200), nullable=False),
        sa.Column("decide_time", Instant),
        sa.Column("decision_note", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "merge_id", name="pk_person_merge"),
    )
    op.create_index(
        "uq_person_merge_region_retired_person_id",
        "person_merge",
        ["region", "retired_person_id"],
        unique=True,
        sqlite_where=sa.text("state IN (1, 2)"),
        postgresql_where=sa.text("state IN (1, 2)"),
    )
    op.create_table(
        "relative_link",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("link_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("relative_id", Id, nullable=False),
        sa.Column("purpose", sa.SmallInteger, nullable=False),
        sa.Column("relation", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("request_time", Instant, nullable=False),
        sa.Column("requested_by", sa.String(200), nullable=False),
        sa.Column("confirm_time", Instant),
        sa.Column("confirmed_by", sa.String(200), nullable=False),
        sa.Column("end_time", Instant),
        sa.Column("ended_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "link_id", name="pk_relative_link"),
    )
    op.create_index(
        "ix_relative_link_region_relative_id",
        "relative_link",
        ["region", "relative_id"],
    )
    op.create_index(
        "uq_relative_link_region_person_id_relative_id_purpose",
        "relative_link",
        ["region", "person_id", "relative_id", "purpose"],
        unique=True,
        sqlite_where=sa.text("state IN (1, 2)"),
        postgresql_where=sa.text("state IN (1, 2)"),
    )


def _create_cards() -> None:
    op.create_table(
        "card",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("card_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("subject", code_type(13), nullable=False),
        sa.Column("card_serial", code_type(32), nullable=False),
        sa.Column("chip_number", code_type(32), nullable=False),
        sa.Column("standard_version", sa.String(2), nullable=False),
        sa.Column("bank_code", sa.String(32), nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("issue_time", Instant, nullable=False),
        sa.Column("issued_by", sa.String(200), nullable=False),
        sa.Column("activation_deadline_date", sa.Date, nullable=False),
        sa.Column("activate_time", Instant),
        sa.Column("activated_by", sa.String(200), nullable=False),
        sa.Column("activation_channel", sa.SmallInteger),
        sa.Column("provider_visit_number", sa.String(32), nullable=False),
        sa.Column("loss_report_time", Instant),
        sa.Column("loss_reported_by", sa.String(200), nullable=False),
        sa.Column("employer_letter_reference", sa.String(64), nullable=False),
        sa.Column("office_confirmation_reference", sa.String(64), nullable=False),
        sa.Column("replaces_card_id", Id),
        sa.Column("suspension_case_id", Id),
        sa.Column("close_time", Instant),
        sa.Column("closed_by", sa.String(200), nullable=False),
        sa.Column("closing", sa.SmallInteger),
        sa.Column("pin_salt", sa.LargeBinary(16), nullable=False),
        sa.Column("pin_hash", sa.LargeBinary(32)),
        sa.Column("pin_scheme", sa.SmallInteger, nullable=False),
        sa.Column("wrong_tries", sa.SmallInteger, nullable=False),
        sa.Column("pin_lost_time", Instant),
        sa.Column("transactions", sa.BigInteger, nullable=False),
        sa.Column("printed_transactions", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", "card_id", name="pk_card"),
        sa.UniqueConstraint("region", "card_serial", name="uq_card_region_card_serial"),
        sa.UniqueConstraint("region", "chip_number", name="uq_card_region_chip_number"),
        sa.UniqueConstraint("region", "subject", name="uq_card_region_subject"),
    )
    op.create_index(
        "ix_card_region_activation_deadline_date",
        "card",
        ["region", "activation_deadline_date"],
        sqlite_where=sa.text("state = 1"),
        postgresql_where=sa.text("state = 1"),
    )
    op.create_index(
        "ix_card_region_person_id",
        "card",
        ["region", "person_id"],
    )
    op.create_index(
        "uq_card_region_person_id",
        "card",
        ["region", "person_id"],
        unique=True,
        sqlite_where=sa.text("state IN (1, 2, 3)"),
        postgresql_where=sa.text("state IN (1, 2, 3)"),
    )
    op.create_table(
        "card_replacement",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("card_id", Id, nullable=False),
        sa.Column("order_time", Instant, nullable=False),
        sa.Column("ordered_by", sa.String(200), nullable=False),
        sa.Column("ready_date", sa.Date, nullable=False),
        sa.Column("new_card_id", Id),
        sa.Column("collect_time", Instant),
        sa.Column("collected_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "card_id", name="pk_card_replacement"),
    )
    op.create_table(
        "card_code",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("issue_time", Instant, nullable=False),
        sa.Column("code_id", code_type(16), nullable=False),
        sa.Column("card_id", Id, nullable=False),
        sa.Column("audience", sa.String(5), nullable=False),
        sa.Column("issued_to", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "issue_time", "code_id", name="pk_card_code"),
    )
    op.create_table(
        "card_transaction",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("card_id", Id, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("authorize_time", Instant, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("terminal", sa.String(200), nullable=False),
        sa.Column("audience", sa.String(5), nullable=False),
        sa.Column("code_id", code_type(16), nullable=False),
        sa.PrimaryKeyConstraint("region", "card_id", "sequence", name="pk_card_transaction"),
    )
