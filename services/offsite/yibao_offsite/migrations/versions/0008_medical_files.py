"""Medical-history files, pre-evaluations of transfers with rechecks, problem tickets."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _create_histories()
    _create_evaluations()
    _create_rechecks()
    _create_tickets()
    # By which the records are found that were merged into a person's.
    op.create_index("ix_known_person_region_merged_into", "known_person", ["region", "merged_into"])


def _create_histories() -> None:
    op.create_table(
        "medical_history",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("sealed_contents", sa.LargeBinary, nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("record_time", Instant, nullable=False),
        sa.Column("verified_by", sa.String(200)),
        sa.Column("verify_time", Instant),
        sa.PrimaryKeyConstraint("region", "person_id", "version", name="pk_medical_history"),
    )
    op.create_table(
        "history_reading",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("reading_id", Id, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("mark", sa.String(32), nullable=False),
        sa.Column("purpose", sa.SmallInteger, nullable=False),
        sa.Column("sealed_note", sa.LargeBinary, nullable=False),
        sa.Column("read_by", sa.String(200), nullable=False),
        sa.Column("read_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", "reading_id", name="pk_history_reading"),
    )


def _create_evaluations() -> None:
    op.create_table(
        "pre_evaluation",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("evaluation_id", Id, nullable=False),
        sa.Column("registration_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("is_due", sa.Boolean, nullable=False),
        sa.Column("opinion", sa.SmallInteger),
        sa.Column("sealed_record", sa.LargeBinary, nullable=False),
        sa.Column("opened_by", sa.String(200), nullable=False),
        sa.Column("open_time", Instant, nullable=False),
        sa.Column("approved_by", sa.String(200)),
        sa.Column("approve_time", Instant),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "evaluation_id", name="pk_pre_evaluation"),
    )
    for name, columns in (
        ("registration_id", ["registration_id"]),
        ("person_id", ["person_id"]),
        ("due_date", ["due_date", "evaluation_id"]),
        ("is_due", ["is_due", "due_date", "evaluation_id"]),
    ):
        op.create_index(f"ix_pre_evaluation_region_{name}", "pre_evaluation", ["region", *columns])
    op.create_table(
        "evaluation_act",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("evaluation_id", Id, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("event", sa.SmallInteger, nullable=False),
        sa.Column("acted_by", sa.String(200), nullable=False),
        sa.Column("act_time", Instant, nullable=False),
        sa.Column("recheck_id", Id),
        sa.PrimaryKeyConstraint("region", "evaluation_id", "number", name="pk_evaluation_act"),
    )


def _create_rechecks() -> None:
    op.create_table(
        "recheck",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("recheck_id", Id, nullable=False),
        sa.Column("evaluation_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("is_due", sa.Boolean, nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary, nullable=False),
        sa.Column("called_by", sa.String(200), nullable=False),
        sa.Column("call_time", Instant, nullable=False),
        sa.Column("sealed_findings", sa.LargeBinary),
        sa.Column("closed_by", sa.String(200)),
        sa.Column("close_time", Instant),
        sa.PrimaryKeyConstraint("region", "recheck_id", name="pk_recheck"),
    )
    for name, columns in (
        ("evaluation_id", ["evaluation_id"]),
        ("person_id", ["person_id"]),
        ("due_date", ["due_date", "recheck_id"]),
        ("is_due", ["is_due", "due_date", "recheck_id"]),
    ):
        op.create_index(f"ix_recheck_region_{name}", "recheck", ["region", *columns])


def _create_tickets() -> None:
    op.create_table(
        "ticket",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("party", sa.String(200), nullable=False),
        sa.Column("opened_by", sa.String(200), nullable=False),
        sa.Column("open_time", Instant, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("confirm_due_date", sa.Date),
        sa.Column("next_date", sa.Date, nullable=False),
        sa.Column("is_due", sa.Boolean, nullable=False),
        sa.Column("answered_late", sa.Boolean),
        sa.Column("close_time", Instant),
        sa.Column("person_id", Id),
        sa.Column("registration_id", Id),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "ticket_id", name="pk_ticket"),
    )
    for name, columns in (
        ("next_date", ["next_date", "ticket_id"]),
        ("is_due", ["is_due", "next_date", "ticket_id"]),
        ("party", ["party", "next_date", "ticket_id"]),
    ):
        op.create_index(f"ix_ticket_region_{name}", "ticket", ["region", *columns])
    op.create_table(
        "ticket_act",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("event", sa.SmallInteger, nullable=False),
        sa.Column("sealed_text", sa.LargeBinary, nullable=False),
        sa.Column("party", sa.String(200), nullable=False),
        sa.Column("acted_by", sa.String(200), nullable=False),
        sa.Column("act_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "ticket_id", "number", name="pk_ticket_act"),
    )
