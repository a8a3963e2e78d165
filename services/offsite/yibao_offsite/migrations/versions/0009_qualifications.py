"""Qualifications for chronic and special diseases, and what identity is told of them."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    _create_qualifications()
    op.create_table(
        "qualification_paper",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("qualification_id", Id, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("paper_code", sa.String(40), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("hand_in_time", Instant, nullable=False),
        sa.Column("handed_in_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "qualification_id", "sequence", name="pk_qualification_paper"
        ),
    )
    op.create_table(
        "qualification_event",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("qualification_id", Id, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("event_time", Instant, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("explanation", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "qualification_id", "sequence", name="pk_qualification_event"
        ),
    )
    _create_errands()


def _create_qualifications() -> None:
    op.create_table(
        "qualification",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("qualification_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("disease_code", code_type(30), nullable=False),
        sa.Column("disease_name", sa.String(100), nullable=False),
        sa.Column("national_disease_code", sa.String(30), nullable=False),
        sa.Column("institution_id", code_type(12), nullable=False),
        sa.Column("treating_institution_ids", sa.Text, nullable=False),
        sa.Column("diagnosis_code", sa.String(20), nullable=False),
        sa.Column("diagnosis_basis", sa.Text, nullable=False),
        sa.Column("missing_paper_codes", sa.Text, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("last_maker", sa.String(200), nullable=False),
        sa.Column("apply_time", Instant, nullable=False),
        sa.Column("renewed_qualification_id", Id),
        sa.Column("checker", sa.String(200), nullable=False),
        sa.Column("decide_time", Instant),
        sa.Column("explanation", sa.Text, nullable=False),
        sa.Column("carry_state", sa.SmallInteger, nullable=False),
        sa.Column("carry_problem", sa.String(64), nullable=False),
        sa.Column("disease_registration_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("region", "qualification_id", name="pk_qualification"),
    )
    for name, columns in (
        ("person_id", ("person_id", "qualification_id")),
        ("disease", ("disease_code", "qualification_id")),
        ("state", ("state", "qualification_id")),
        ("carry", ("carry_state", "qualification_id")),
        ("institution", ("institution_id", "qualification_id")),
        ("end_date", ("end_date",)),
    ):
        op.create_index(f"ix_qualification_region_{name}", "qualification", ["region", *columns])


def _create_errands() -> None:
    op.create_table(
        "qualification_errand",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("qualification_id", Id, nullable=False),
        sa.Column("errand_id", Id, nullable=False),
        sa.Column("wait_time", Instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "qualification_id", name="pk_qualification_errand"),
    )
    for name in ("next_try_time", "wait_time"):
        op.create_index(f"ix_qualification_errand_{name}", "qualification_errand", ["region", name])
    op.create_table(
        "identity_epoch",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("epoch", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("region", name="pk_identity_epoch"),
    )
