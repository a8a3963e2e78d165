"""Devices and their certificates, cases of misuse, roots and keys of trust, the audit."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _create_devices()
    _create_trust()
    _create_audit()


def _create_devices() -> None:
    op.create_table(
        "device",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("device_id", Id, nullable=False),
        sa.Column("certificate_id", Id, nullable=False),
        sa.Column("device_name", sa.String(50), nullable=False),
        sa.Column("algorithm", sa.SmallInteger, nullable=False),
        sa.Column("public_key", sa.LargeBinary(65), nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("newest_device_certificate_id", code_type(16), nullable=False),
        sa.Column("list_number", sa.Integer, nullable=False),
        sa.Column("status_index", sa.Integer, nullable=False),
        sa.Column("attestation", sa.LargeBinary),
        sa.Column("enrol_time", Instant, nullable=False),
        sa.Column("enrolled_by", sa.String(200), nullable=False),
        sa.Column("revoke_time", Instant),
        sa.Column("revoked_by", sa.String(200), nullable=False),
        sa.Column("revocation", sa.SmallInteger),
        sa.PrimaryKeyConstraint("region", "device_id", name="pk_device"),
        sa.UniqueConstraint("region", "public_key", name="uq_device_region_public_key"),
        sa.UniqueConstraint(
            *("region", "list_number", "status_index"),
            name="uq_device_region_list_number_status_index",
        ),
    )
    op.create_index(
        "ix_device_region_certificate_id",
        "device",
        ["region", "certificate_id"],
    )
    op.create_table(
        "device_certificate",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("device_certificate_id", code_type(16), nullable=False),
        sa.Column("device_id", Id, nullable=False),
        sa.Column("issue_time", Instant, nullable=False),
        sa.Column("expire_time", Instant, nullable=False),
        sa.Column("list_number", sa.Integer, nullable=False),
        sa.Column("status_index", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "device_certificate_id", name="pk_device_certificate"),
    )
    op.create_index(
        "ix_device_certificate_region_device_id",
        "device_certificate",
        ["region", "device_id"],
    )
    op.create_index(
        "ix_device_certificate_region_list_number_expire_time",
        "device_certificate",
        ["region", "list_number", "expire_time"],
    )
    op.create_table(
        "revoked_status",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("list_number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("status_index", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("device_certificate_id", code_type(16), nullable=False),
        sa.Column("revoke_time", Instant, nullable=False),
        sa.Column("expire_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "list_number", "status_index", name="pk_revoked_status"),
    )
    op.create_table(
        "device_alarm",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("alarm_id", Id, nullable=False),
        sa.Column("device_id", Id, nullable=False),
        sa.Column("raise_time", Instant, nullable=False),
        sa.Column("named_device_certificate_id", code_type(16), nullable=False),
        sa.Column("newest_device_certificate_id", code_type(16), nullable=False),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "alarm_id", name="pk_device_alarm"),
    )
    op.create_table(
        "misuse_case",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("case_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("subject", code_type(13), nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("sealed_description", sa.LargeBinary, nullable=False),
        sa.Column("evidence_reference", sa.String(64), nullable=False),
        sa.Column("reporter", sa.String(200), nullable=False),
        sa.Column("report_time", Instant, nullable=False),
        sa.Column("suspended_by", sa.String(200), nullable=False),
        sa.Column("decider", sa.String(200), nullable=False),
        sa.Column("decide_time", Instant),
        sa.Column("decision_note", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "case_id", name="pk_misuse_case"),
    )
    op.create_index(
        "ix_misuse_case_region_person_id",
        "misuse_case",
        ["region", "person_id"],
    )


def _create_trust() -> None:
    head = op.create_table(
        "trust_head",
        sa.Column("head_id", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("head_id", name="pk_trust_head"),
    )
    op.bulk_insert(head, [{"head_id": 1}])
    op.create_table(
        "trust_root",
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("expire_time", Instant, nullable=False),
        sa.Column("record_time", Instant, nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_trust_root"),
    )
    op.create_table(
        "trust_key",
        sa.Column("key_id", code_type(16), nullable=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("use", sa.String(16), nullable=False),
        sa.Column("issuers", sa.Text, nullable=False),
        sa.Column("start_time", Instant, nullable=False),
        sa.Column("expire_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("killed_time", Instant),
        sa.Column("record_time", Instant, nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_trust_key"),
    )
    op.create_table(
        "trust_denied",
        sa.Column("device_certificate_id", code_type(16), nullable=False),
        sa.Column("deny_time", Instant, nullable=False),
        sa.Column("expire_time", Instant, nullable=False),
        sa.Column("denied_by", sa.String(200), nullable=False),
        sa.Column("explanation", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("device_certificate_id", name="pk_trust_denied"),
    )
    op.create_table(
        "status_list",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("list_number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("issue_time", Instant, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("region", "list_number", "version", name="pk_status_list"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit_event",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("record_time", Instant, nullable=False),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("subject_ids", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("request_id", sa.String(36), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("region", "sequence", name="pk_audit_event"),
    )
    op.create_table(
        "audit_subject",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("subject_id", Id, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("region", "subject_id", "sequence", name="pk_audit_subject"),
    )
    op.create_table(
        "audit_head",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("region", name="pk_audit_head"),
    )
