"""The first schema: answers, persons, their feed, certificates, codes, trust snapshots."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_persons()
    _create_certificates()
    _create_trust()


def _create_persons() -> None:
    op.create_table(
        "answer",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("request_id", Id, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("region", "request_id", name="pk_answer"),
    )
    op.create_table(
        "person",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("certificate_type", sa.String(2), nullable=False),
        sa.Column("number_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("sealed_number", sa.LargeBinary, nullable=False),
        sa.Column("sealed_name", sa.LargeBinary, nullable=False),
        sa.Column("gender", sa.SmallInteger, nullable=False),
        sa.Column("birth_date", sa.Date, nullable=False),
        sa.Column("register_time", Instant, nullable=False),
        sa.Column("registered_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", name="pk_person"),
        sa.UniqueConstraint("region", "number_hash", name="uq_person_region_number_hash"),
    )
    op.create_table(
        "enrolment_change",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("credential_usable", sa.Boolean, nullable=False),
        sa.Column("birth_date", sa.Date, nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("person_class", sa.String(4), nullable=False),
        sa.Column("entitlement_groups", sa.String(200), nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("record_time", Instant, nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "sequence", name="pk_enrolment_change"),
    )
    op.create_index(
        "ix_enrolment_change_region_person_id_sequence",
        "enrolment_change",
        ["region", "person_id", "sequence"],
    )
    op.create_table(
        "feed_head",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", name="pk_feed_head"),
    )


def _create_certificates() -> None:
    op.create_table(
        "certificate",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("certificate_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("subject", code_type(13), nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("activate_time", Instant, nullable=False),
        sa.Column("activated_by", sa.String(200), nullable=False),
        sa.Column("proofing_method", sa.SmallInteger, nullable=False),
        sa.Column("proofing_reference", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("region", "certificate_id", name="pk_certificate"),
        sa.UniqueConstraint("region", "subject", name="uq_certificate_region_subject"),
    )
    op.create_index(
        "uq_certificate_region_person_id",
        "certificate",
        ["region", "person_id"],
        unique=True,
        sqlite_where=sa.text("state IN (1, 2)"),
        postgresql_where=sa.text("state IN (1, 2)"),
    )
    op.create_table(
        "issued_code",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("issue_time", Instant, nullable=False),
        sa.Column("code_id", code_type(16), nullable=False),
        sa.Column("certificate_id", Id, nullable=False),
        sa.Column("audience", sa.String(5), nullable=False),
        sa.Column("issued_to", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "issue_time", "code_id", name="pk_issued_code"),
    )


def _create_trust() -> None:
    op.create_table(
        "trust_snapshot",
        sa.Column("version", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("trust_key_id", sa.LargeBinary(8), nullable=False),
        sa.Column("list_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("issue_time", Instant, nullable=False),
        sa.Column("snapshot", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_trust_snapshot"),
    )
