"""The tables of what institutions are for, their staff, points and suspensions."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type
from yibao_settlement.storage.ledger.tables import metadata, region_column

institution_scope = sa.Table(
    "institution_scope",
    metadata,
    region_column(),
    sa.Column("institution_id", sa.String(12), primary_key=True),
    sa.Column("start_date", sa.Date, primary_key=True),
    sa.Column("institution_kind", sa.String(6), nullable=False),
    # JSON array of codes.
    sa.Column("care_types", sa.Text, nullable=False),
    sa.Column("is_offsite_networked", sa.Boolean, nullable=False),
    sa.Column("ecert_supported", sa.Boolean, nullable=False),
)

department = sa.Table(
    "department",
    metadata,
    region_column(),
    sa.Column("institution_id", sa.String(12), primary_key=True),
    sa.Column("department_code", code_type(30), primary_key=True),
    sa.Column("department_name", sa.String(100), nullable=False),
    sa.Column("national_department_code", sa.String(30), nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date),
)

doctor = sa.Table(
    "doctor",
    metadata,
    region_column(),
    sa.Column("institution_id", sa.String(12), primary_key=True),
    sa.Column("doctor_code", code_type(30), primary_key=True),
    sa.Column("doctor_name", sa.String(50), nullable=False),
    sa.Column("department_code", sa.String(30), nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date),
    sa.Index("ix_doctor_region_doctor_code", "region", "doctor_code"),
)

# Only ever inserted.
doctor_points = sa.Table(
    "doctor_points",
    metadata,
    region_column(),
    sa.Column("points_id", Id, primary_key=True),
    sa.Column("doctor_code", code_type(30), nullable=False),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("points_date", sa.Date, nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Column("add_time", Instant, nullable=False),
    sa.Column("added_by", sa.String(200), nullable=False),
    sa.Index(
        "ix_doctor_points_region_doctor_code_points_date",
        *("region", "doctor_code", "points_date"),
    ),
)

# Read whole with a region's reference data: there are few.
suspension = sa.Table(
    "suspension",
    metadata,
    region_column(),
    sa.Column("suspension_id", Id, primary_key=True),
    # See `rules.suspension.SuspendedKind`.
    sa.Column("kind", sa.SmallInteger, nullable=False),
    # Empty of a doctor.
    sa.Column("institution_id", sa.String(12), nullable=False),
    # Empty of an institution.
    sa.Column("code", sa.String(30), nullable=False),
    # What lines call a department; empty else.
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Column("suspend_time", Instant, nullable=False),
    sa.Column("suspended_by", sa.String(200), nullable=False),
    # What follows changes once, when it is lifted.
    sa.Column("lift_time", Instant),
    sa.Column("lifted_by", sa.String(200)),
    sa.Column("lift_last_date", sa.Date),
    sa.Column("lift_reason", sa.String(200)),
)
