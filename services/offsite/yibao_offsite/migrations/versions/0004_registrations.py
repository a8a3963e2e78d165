"""Registrations have a life, and regions have rules for them.

Those of before keep what they were granted. They rest on nothing that was asked for, their terms
are those of their category, and they may be changed at any time.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0004"
down_revision = "0003"

# As 0003 tells settlement of them: retired, long-term and posted persons are long-term (2),
# referrals 3, other temporary care 5; an app is of the person itself.
_FILL = """
UPDATE registration SET
    origin = CASE WHEN substr(registered_by, 1, 8) = 'channel/' THEN 2 ELSE 1 END,
    application_channel = CASE WHEN substr(registered_by, 1, 8) = 'channel/' THEN 4 ELSE 1 END,
    registered_party = {party},
    handed_in_by = registered_by,
    terms = CASE category WHEN 4 THEN 3 WHEN 5 THEN 5 ELSE 2 END,
    benefits = '[1,2,3]',
    version = CASE WHEN cancel_time IS NULL THEN 1 ELSE 2 END,
    ended_date = CASE WHEN cancel_time IS NULL THEN NULL
        WHEN {cancel_day} < start_date THEN {day_before}
        WHEN end_date IS NOT NULL AND end_date < {cancel_day} THEN end_date
        ELSE {cancel_day} END,
    end_reason = CASE WHEN cancel_time IS NULL THEN NULL ELSE 1 END
"""
# Granted at once (2), and cancelled (11).
_STEPS = (
    """
INSERT INTO registration_step
    (region, registration_id, version, event, state, event_time, actor, remark)
SELECT region, registration_id, 1, 2, 1, register_time, registered_by, '' FROM registration
""",
    """
INSERT INTO registration_step
    (region, registration_id, version, event, state, event_time, actor, remark)
SELECT region, registration_id, 2, 11, 2, cancel_time, COALESCE(cancelled_by, ''), ''
FROM registration
WHERE cancel_time IS NOT NULL
""",
)
# A party is an agency without its operator: the first two parts of a path.
_ON_POSTGRESQL = {
    "cancel_day": "(cancel_time AT TIME ZONE 'Asia/Shanghai')::date",
    "day_before": "start_date - 1",
    "party": "split_part(registered_by, '/', 1) || '/' || split_part(registered_by, '/', 2)",
}
# Shanghai has had no summer time since 1991. Agencies have regions of six digits.
_ON_SQLITE = {
    "cancel_day": "date(cancel_time / 1000000 + 8 * 3600, 'unixepoch')",
    "day_before": "date(start_date, '-1 day')",
    "party": "CASE WHEN substr(registered_by, 1, 7) = 'agency/'"
    " THEN substr(registered_by, 1, 13) ELSE registered_by END",
}


def upgrade() -> None:
    _create_tables()
    columns = _columns()
    for column in columns:
        op.add_column("registration", column)
    connection = op.get_bind()
    words = _ON_POSTGRESQL if connection.dialect.name == "postgresql" else _ON_SQLITE
    connection.exec_driver_sql(_FILL.format(**words))
    for statement in _STEPS:
        connection.exec_driver_sql(statement)
    with op.batch_alter_table("registration") as registration:
        for column in columns:
            if not column.nullable:
                registration.alter_column(
                    column.name,
                    existing_type=column.type,
                    existing_nullable=False,
                    server_default=None,
                )
    _index()


def _columns() -> list[sa.Column[Any]]:
    """Returns what a registration has by now; what has to have a value gets one first."""

    def needed(name: str, kind: sa.types.TypeEngine[Any], value: str) -> sa.Column[Any]:
        return sa.Column(name, kind, nullable=False, server_default=sa.text(value))

    return [
        needed("basis", sa.SmallInteger(), "0"),
        needed("application_channel", sa.SmallInteger(), "1"),
        needed("materials", sa.Text(), "'[]'"),
        sa.Column("referral_institution_id", sa.String(12)),
        sa.Column("referral_diagnosis_code", sa.String(20)),
        sa.Column("referral_date", sa.Date),
        sa.Column("admission_date", sa.Date),
        needed("origin", sa.SmallInteger(), "1"),
        needed("registered_party", sa.String(200), "''"),
        needed("handed_in_by", sa.String(200), "''"),
        sa.Column("decided_by", sa.String(200)),
        needed("terms", sa.SmallInteger(), "2"),
        needed("benefits", sa.Text(), "'[]'"),
        sa.Column("change_allowed_date", sa.Date),
        needed("rules_version", sa.String(64), "''"),
        needed("version", sa.Integer(), "1"),
        sa.Column("ended_date", sa.Date),
        sa.Column("end_reason", sa.SmallInteger),
        sa.Column("replaces_registration_id", Id),
        sa.Column("replaced_by_registration_id", Id),
        sa.Column("task_kind", sa.SmallInteger),
        sa.Column("task_due_date", sa.Date),
        sa.Column("visit_id", Id),
    ]


def _index() -> None:
    op.drop_index("ix_registration_region_person_id", "registration")
    op.create_index(
        "ix_registration_region_person_id",
        "registration",
        ["region", "person_id", "registration_id"],
    )
    for name in ("treatment_region", "state", "category", "registered_party"):
        op.create_index(
            f"ix_registration_region_{name}", "registration", ["region", name, "registration_id"]
        )
    has_visit, has_task = sa.text("visit_id IS NOT NULL"), sa.text("task_due_date IS NOT NULL")
    op.create_index(
        "uq_registration_region_visit_id",
        "registration",
        ["region", "visit_id"],
        unique=True,
        sqlite_where=has_visit,
        postgresql_where=has_visit,
    )
    op.create_index(
        "ix_registration_region_task_kind_task_due_date",
        "registration",
        ["region", "task_kind", "task_due_date", "registration_id"],
        sqlite_where=has_task,
        postgresql_where=has_task,
    )


def _create_tables() -> None:
    op.create_table(
        "registration_step",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("registration_id", Id, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("event", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("event_time", Instant, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("remark", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "registration_id", "version", name="pk_registration_step"
        ),
    )
    op.create_table(
        "self_service_limit",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("registration_id", Id, nullable=False),
        sa.Column("until_date", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "person_id", "registration_id", name="pk_self_service_limit"
        ),
    )
    op.create_table(
        "region_rules",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("rules_version", code_type(64), nullable=False),
        sa.Column("effective_date", sa.Date, nullable=False),
        sa.Column("contents", sa.LargeBinary, nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("submit_time", Instant, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("approve_time", Instant),
        sa.PrimaryKeyConstraint("region", "rules_version", name="pk_region_rules"),
    )
    op.create_index(
        "ix_region_rules_region_effective_date", "region_rules", ["region", "effective_date"]
    )
