"""Audits, admissions that are declared for them, and complaints."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    _create_tasks()
    _create_what_belongs_to_tasks()
    _create_holds()
    _create_declarations()
    _create_complaints()


def _create_tasks() -> None:
    op.create_table(
        "audit_task",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("task_id", Id, nullable=False),
        sa.Column("type", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("person_id", Id),
        sa.Column("institution_id", sa.String(12)),
        sa.Column("visit_id", Id),
        sa.Column("registration_id", Id),
        sa.Column("admission_declaration_id", Id),
        sa.Column("complaint_id", Id),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("opener", sa.String(200), nullable=False),
        sa.Column("open_time", Instant, nullable=False),
        sa.Column("assignee", sa.String(200), nullable=False),
        sa.Column("outcome", sa.SmallInteger),
        sa.Column("report", sa.LargeBinary, nullable=False),
        sa.Column("closer", sa.String(200), nullable=False),
        sa.Column("close_time", Instant),
        sa.Column("evidence_digest", sa.LargeBinary(32)),
        sa.Column("finding_count", sa.Integer, nullable=False),
        sa.Column("evidence_count", sa.Integer, nullable=False),
        sa.Column("hold_count", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "task_id", name="pk_audit_task"),
    )
    op.create_index(
        "ix_audit_task_region_due_date", "audit_task", ["region", "due_date", "task_id"]
    )
    op.create_index("ix_audit_task_region_person_id", "audit_task", ["region", "person_id"])
    op.create_index(
        "ix_audit_task_region_state", "audit_task", ["region", "state", "due_date", "task_id"]
    )
    op.create_table(
        "assistance_check",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("task_id", Id, nullable=False),
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
        sa.Column("answerer", sa.String(200), nullable=False),
        sa.Column("answer_time", Instant),
        sa.PrimaryKeyConstraint("region", "task_id", name="pk_assistance_check"),
    )
    op.create_index(
        "ix_assistance_check_treatment_region",
        "assistance_check",
        ["treatment_region", "answer_due_date", "task_id"],
    )


def _create_what_belongs_to_tasks() -> None:
    op.create_table(
        "audit_task_event",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("task_id", Id, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("event_time", Instant, nullable=False),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("act", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("region", "task_id", "number", name="pk_audit_task_event"),
    )
    op.create_table(
        "audit_finding",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("task_id", Id, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("registration_id", Id),
        sa.Column("finder", sa.String(200), nullable=False),
        sa.Column("record_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "task_id", "number", name="pk_audit_finding"),
    )
    op.create_table(
        "audit_evidence",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("task_id", Id, nullable=False),
        sa.Column("material_id", Id, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("taken_time", Instant, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("adder", sa.String(200), nullable=False),
        sa.Column("add_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "task_id", "material_id", name="pk_audit_evidence"),
    )


def _create_holds() -> None:
    op.create_table(
        "audit_hold",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("hold_id", Id, nullable=False),
        sa.Column("task_id", Id, nullable=False),
        sa.Column("visit_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placer", sa.String(200), nullable=False),
        sa.Column("place_time", Instant, nullable=False),
        sa.Column("lifter", sa.String(200), nullable=False),
        sa.Column("lift_time", Instant),
        sa.Column("lift_reason", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "hold_id", name="pk_audit_hold"),
    )
    op.create_index("ix_audit_hold_region_lift_time", "audit_hold", ["region", "lift_time"])
    op.create_index("ix_audit_hold_region_task_id", "audit_hold", ["region", "task_id"])


def _create_declarations() -> None:
    op.create_table(
        "admission_declaration",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("admission_declaration_id", Id, nullable=False),
        sa.Column("visit_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("admission_date", sa.Date, nullable=False),
        sa.Column("department_name", sa.Text, nullable=False),
        sa.Column("bed", sa.Text, nullable=False),
        sa.Column("diagnosis_code", sa.String(20), nullable=False),
        sa.Column("reason", sa.SmallInteger, nullable=False),
        sa.Column("registration_id", Id),
        sa.Column("declared_by", sa.String(200), nullable=False),
        sa.Column("declare_time", Instant, nullable=False),
        sa.Column("discharge_date", sa.Date),
        sa.Column("update_time", Instant),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "admission_declaration_id", name="pk_admission_declaration"
        ),
        sa.UniqueConstraint("region", "visit_id", name="uq_admission_declaration_region"),
    )
    op.create_index(
        "ix_admission_declaration_region_declare_time",
        "admission_declaration",
        ["region", "declare_time", "admission_declaration_id"],
    )


def _create_complaints() -> None:
    op.create_table(
        "complaint",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("complaint_id", Id, nullable=False),
        sa.Column("receipt_number", code_type(40), nullable=False),
        sa.Column("subject", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("is_anonymous", sa.Boolean, nullable=False),
        sa.Column("institution_id", sa.String(12)),
        sa.Column("visit_id", Id),
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("contact", sa.LargeBinary, nullable=False),
        sa.Column("filer", sa.String(200), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("file_time", Instant, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("task_id", Id),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("answerer", sa.String(200), nullable=False),
        sa.Column("answer_time", Instant),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "complaint_id", name="pk_complaint"),
        sa.UniqueConstraint("region", "receipt_number", name="uq_complaint_region"),
    )
    op.create_index(
        "ix_complaint_region_due_date", "complaint", ["region", "due_date", "complaint_id"]
    )
    op.create_table(
        "complaint_count",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("party", sa.LargeBinary(32), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "day", "party", name="pk_complaint_count"),
    )
