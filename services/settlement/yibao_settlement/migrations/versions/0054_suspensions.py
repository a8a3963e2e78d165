"""What institutions are for, their departments and doctors, points and suspensions."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0054"
down_revision = "0053"


def upgrade() -> None:
    op.create_table(
        "institution_scope",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("institution_kind", sa.String(6), nullable=False),
        sa.Column("care_types", sa.Text, nullable=False),
        sa.Column("is_offsite_networked", sa.Boolean, nullable=False),
        sa.Column("ecert_supported", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "institution_id", "start_date", name="pk_institution_scope"
        ),
    )
    _create_staff()
    op.create_table(
        "suspension",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("suspension_id", Id, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("code", sa.String(30), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("suspend_time", Instant, nullable=False),
        sa.Column("suspended_by", sa.String(200), nullable=False),
        sa.Column("lift_time", Instant),
        sa.Column("lifted_by", sa.String(200)),
        sa.Column("lift_last_date", sa.Date),
        sa.Column("lift_reason", sa.String(200)),
        sa.PrimaryKeyConstraint("region", "suspension_id", name="pk_suspension"),
    )


def _create_staff() -> None:
    op.create_table(
        "department",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("department_code", code_type(30), nullable=False),
        sa.Column("department_name", sa.String(100), nullable=False),
        sa.Column("national_department_code", sa.String(30), nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.PrimaryKeyConstraint(
            "region", "institution_id", "department_code", name="pk_department"
        ),
    )
    op.create_table(
        "doctor",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("doctor_code", code_type(30), nullable=False),
        sa.Column("doctor_name", sa.String(50), nullable=False),
        sa.Column("department_code", sa.String(30), nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.PrimaryKeyConstraint("region", "institution_id", "doctor_code", name="pk_doctor"),
    )
    op.create_index("ix_doctor_region_doctor_code", "doctor", ["region", "doctor_code"])
    op.create_table(
        "doctor_points",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("points_id", Id, nullable=False),
        sa.Column("doctor_code", code_type(30), nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("points_date", sa.Date, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("add_time", Instant, nullable=False),
        sa.Column("added_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("region", "points_id", name="pk_doctor_points"),
    )
    op.create_index(
        "ix_doctor_points_region_doctor_code_points_date",
        "doctor_points",
        ["region", "doctor_code", "points_date"],
    )
