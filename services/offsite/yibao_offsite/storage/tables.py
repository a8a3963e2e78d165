"""The tables of the offsite database; `region` comes first in every key."""

import sqlalchemy as sa

from yibao_common.db.answers import answer_table
from yibao_common.db.audit_chain import audit_tables
from yibao_common.db.rows import Id, Instant
from yibao_offsite.storage.material.tables import material_tables

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _region() -> sa.Column[str]:
    return sa.Column("region", sa.String(6), primary_key=True)


answer = answer_table(metadata)
audit = audit_tables(metadata)

# The row that a registration locks, so that two of one person are made one by one.
person = sa.Table(
    "person",
    metadata,
    _region(),
    sa.Column("person_id", Id, primary_key=True),
)

registration = sa.Table(
    "registration",
    metadata,
    _region(),
    sa.Column("registration_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("category", sa.SmallInteger, nullable=False),
    sa.Column("treatment_region", sa.String(6), nullable=False),
    # 1 active, 2 cancelled.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    # The last day of cover; null for long-term categories.
    sa.Column("end_date", sa.Date),
    # As applied for: the evidence of the stay and of the urgency.
    sa.Column("expected_end_date", sa.Date),
    sa.Column("is_urgent", sa.Boolean, nullable=False),
    sa.Column("register_time", Instant, nullable=False),
    sa.Column("registered_by", sa.String(200), nullable=False),
    # Null until cancelled; set once.
    sa.Column("cancel_time", Instant),
    sa.Column("cancelled_by", sa.String(200)),
    sa.Index("ix_registration_region_person_id", "region", "person_id"),
)

# What personal data are sealed with, so that other keys are noticed; of the whole database.
secret_check = sa.Table(
    "secret_check",
    metadata,
    # The id of an encryption key, or `hash`.
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("check_value", sa.LargeBinary(32), nullable=False),
    sa.Column("record_time", Instant, nullable=False),
)

materials = material_tables(metadata)
