"""The tables of audits, of the admissions that are declared for them, and of complaints."""

from dataclasses import dataclass

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type

_CALLER = 200


@dataclass(frozen=True, slots=True)
class AuditTaskTables:
    """See each of them below."""

    audit_task: sa.Table
    assistance_check: sa.Table
    audit_task_event: sa.Table
    audit_finding: sa.Table
    audit_evidence: sa.Table
    audit_hold: sa.Table


def audit_task_tables(metadata: sa.MetaData) -> AuditTaskTables:
    """Defines the tables of audit tasks."""
    return AuditTaskTables(
        _audit_task(metadata),
        _assistance_check(metadata),
        _audit_task_event(metadata),
        _audit_finding(metadata),
        _audit_evidence(metadata),
        _audit_hold(metadata),
    )


def _region() -> sa.Column[str]:
    return sa.Column("region", sa.String(6), primary_key=True)


def _audit_task(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "audit_task",
        metadata,
        _region(),
        sa.Column("task_id", Id, primary_key=True),
        sa.Column("type", sa.SmallInteger, nullable=False),
        # 1 opened, 2 assigned, 3 in progress, 4 reported, 5 closed, 6 cancelled.
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("person_id", Id),
        sa.Column("institution_id", sa.String(12)),
        sa.Column("visit_id", Id),
        sa.Column("registration_id", Id),
        sa.Column("admission_declaration_id", Id),
        sa.Column("complaint_id", Id),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("opener", sa.String(_CALLER), nullable=False),
        sa.Column("open_time", Instant, nullable=False),
        # Empty until it is assigned.
        sa.Column("assignee", sa.String(_CALLER), nullable=False),
        sa.Column("outcome", sa.SmallInteger),
        # Sealed where the service has keys, see `texts.py`.
        sa.Column("report", sa.LargeBinary, nullable=False),
        sa.Column("closer", sa.String(_CALLER), nullable=False),
        sa.Column("close_time", Instant),
        # What stood for all evidence when it was closed.
        sa.Column("evidence_digest", sa.LargeBinary(32)),
        sa.Column("finding_count", sa.Integer, nullable=False),
        sa.Column("evidence_count", sa.Integer, nullable=False),
        sa.Column("hold_count", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Index("ix_audit_task_region_due_date", "region", "due_date", "task_id"),
        sa.Index("ix_audit_task_region_person_id", "region", "person_id"),
        # What is due, among all that is over.
        sa.Index("ix_audit_task_region_state", "region", "state", "due_date", "task_id"),
    )


def _assistance_check(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "assistance_check",
        metadata,
        _region(),
        sa.Column("task_id", Id, primary_key=True),
        sa.Column("treatment_region", sa.String(6), nullable=False),
        sa.Column("inpatient_number", sa.Text, nullable=False),
        sa.Column("admission_date", sa.Date, nullable=False),
        sa.Column("discharge_date", sa.Date, nullable=False),
        sa.Column("diagnosis_code", sa.String(20), nullable=False),
        sa.Column("total_fen", sa.BigInteger, nullable=False),
        sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
        sa.Column("doubt", sa.Text, nullable=False),
        sa.Column("answer_due_date", sa.Date, nullable=False),
        sa.Column("answer", sa.SmallInteger),
        sa.Column("answer_reason", sa.Text, nullable=False),
        sa.Column("answerer", sa.String(_CALLER), nullable=False),
        sa.Column("answer_time", Instant),
        # By the place that is asked, which reads what all regions ask.
        sa.Index(
            "ix_assistance_check_treatment_region",
            "treatment_region",
            "answer_due_date",
            "task_id",
        ),
    )


def _audit_task_event(metadata: sa.MetaData) -> sa.Table:
    # Only ever inserted.
    return sa.Table(
        "audit_task_event",
        metadata,
        _region(),
        sa.Column("task_id", Id, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("event_time", Instant, nullable=False),
        sa.Column("caller", sa.String(_CALLER), nullable=False),
        sa.Column("act", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )


def _audit_finding(metadata: sa.MetaData) -> sa.Table:
    # Only ever inserted.
    return sa.Table(
        "audit_finding",
        metadata,
        _region(),
        sa.Column("task_id", Id, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        # Sealed where the service has keys.
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("registration_id", Id),
        sa.Column("finder", sa.String(_CALLER), nullable=False),
        sa.Column("record_time", Instant, nullable=False),
    )


def _audit_evidence(metadata: sa.MetaData) -> sa.Table:
    # Only ever inserted. The material comes before the number: no task has one twice.
    return sa.Table(
        "audit_evidence",
        metadata,
        _region(),
        sa.Column("task_id", Id, primary_key=True),
        sa.Column("material_id", Id, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("taken_time", Instant, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("adder", sa.String(_CALLER), nullable=False),
        sa.Column("add_time", Instant, nullable=False),
    )


def _audit_hold(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "audit_hold",
        metadata,
        _region(),
        sa.Column("hold_id", Id, primary_key=True),
        sa.Column("task_id", Id, nullable=False),
        sa.Column("visit_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placer", sa.String(_CALLER), nullable=False),
        sa.Column("place_time", Instant, nullable=False),
        # Empty and null while it stands.
        sa.Column("lifter", sa.String(_CALLER), nullable=False),
        sa.Column("lift_time", Instant),
        sa.Column("lift_reason", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Index("ix_audit_hold_region_task_id", "region", "task_id"),
        sa.Index("ix_audit_hold_region_lift_time", "region", "lift_time"),
    )


def admission_declaration_table(metadata: sa.MetaData) -> sa.Table:
    """Defines the table of stays that hospitals declare."""
    return sa.Table(
        "admission_declaration",
        metadata,
        _region(),
        sa.Column("admission_declaration_id", Id, primary_key=True),
        sa.Column("visit_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("admission_date", sa.Date, nullable=False),
        sa.Column("department_name", sa.Text, nullable=False),
        sa.Column("bed", sa.Text, nullable=False),
        sa.Column("diagnosis_code", sa.String(20), nullable=False),
        sa.Column("reason", sa.SmallInteger, nullable=False),
        sa.Column("registration_id", Id),
        sa.Column("declared_by", sa.String(_CALLER), nullable=False),
        sa.Column("declare_time", Instant, nullable=False),
        # Null while the stay lasts.
        sa.Column("discharge_date", sa.Date),
        sa.Column("update_time", Instant),
        sa.Column("version", sa.Integer, nullable=False),
        # A stay is declared once.
        sa.UniqueConstraint("region", "visit_id", name="uq_admission_declaration_region"),
        sa.Index(
            "ix_admission_declaration_region_declare_time",
            "region",
            "declare_time",
            "admission_declaration_id",
        ),
    )


@dataclass(frozen=True, slots=True)
class ComplaintTables:
    """Complaints, and how many a party filed today."""

    complaint: sa.Table
    complaint_count: sa.Table


def complaint_tables(metadata: sa.MetaData) -> ComplaintTables:
    """Defines the tables of complaints."""
    complaint = sa.Table(
        "complaint",
        metadata,
        _region(),
        sa.Column("complaint_id", Id, primary_key=True),
        sa.Column("receipt_number", code_type(40), nullable=False),
        sa.Column("subject", sa.SmallInteger, nullable=False),
        # 1 filed, 2 accepted, 3 answered.
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("is_anonymous", sa.Boolean, nullable=False),
        sa.Column("institution_id", sa.String(12)),
        sa.Column("visit_id", Id),
        # These and the answer are sealed where the service has keys.
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("contact", sa.LargeBinary, nullable=False),
        # Empty where it is anonymous.
        sa.Column("filer", sa.String(_CALLER), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("file_time", Instant, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("task_id", Id),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("answerer", sa.String(_CALLER), nullable=False),
        sa.Column("answer_time", Instant),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("region", "receipt_number", name="uq_complaint_region"),
        sa.Index("ix_complaint_region_due_date", "region", "due_date", "complaint_id"),
    )
    # Of today alone: what a party is counted by is taken away with the next day.
    count = sa.Table(
        "complaint_count",
        metadata,
        _region(),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("party", sa.LargeBinary(32), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )
    return ComplaintTables(complaint, count)
