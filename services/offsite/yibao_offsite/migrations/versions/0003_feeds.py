"""Persons are followed from identity, and settlement is told of registrations.

Those of before are told too: with what stood of them, by the terms that their category has.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant
from yibao_common.values.ids import new_id

revision = "0003"
down_revision = "0002"

# Retired, long-term and posted are long-term (2), referrals 3, other temporary care 5. A stay,
# outpatient care and the ten chronic diseases were open. Of a cancelled one the last day is
# that of the cancellation, in Shanghai, where it is not over before. An app's is of self-service.
_TELL_REGISTRATIONS = """
INSERT INTO told_registration (region, registration_id, person_id, category, treatment_region,
    terms, benefits, start_date, end_date, is_void, origin, version)
SELECT region, registration_id, person_id, category, treatment_region,
    CASE category WHEN 4 THEN 3 WHEN 5 THEN 5 ELSE 2 END, '[1,2,3]', start_date,
    CASE WHEN cancel_time IS NULL THEN end_date
        WHEN end_date IS NOT NULL AND end_date < {cancel_day} THEN end_date
        ELSE {cancel_day} END,
    {never}, CASE WHEN substr(registered_by, 1, 8) = 'channel/' THEN 2 ELSE 1 END,
    CASE WHEN cancel_time IS NULL THEN 1 ELSE 2 END
FROM registration
"""
_TELL_CHANGES = """
INSERT INTO feed_change (region, sequence, registration_id, mark)
SELECT region, row_number() OVER (PARTITION BY region ORDER BY register_time, registration_id),
    registration_id, {mark}
FROM registration
"""
_ON_POSTGRESQL = {
    "cancel_day": "(cancel_time AT TIME ZONE 'Asia/Shanghai')::date",
    "never": "false",
    "mark": "replace(gen_random_uuid()::text, '-', '')",
}
# Shanghai has had no summer time since 1991.
_ON_SQLITE = {
    "cancel_day": "date(cancel_time / 1000000 + 8 * 3600, 'unixepoch')",
    "never": "0",
    "mark": "lower(hex(randomblob(16)))",
}


def upgrade() -> None:
    _create_persons()
    _create_feed()
    connection = op.get_bind()
    words = _ON_POSTGRESQL if connection.dialect.name == "postgresql" else _ON_SQLITE
    for statement in (_TELL_REGISTRATIONS, _TELL_CHANGES):
        connection.exec_driver_sql(statement.format(**words))
    ends = connection.exec_driver_sql(
        "SELECT region, max(sequence) FROM feed_change GROUP BY region"
    )
    heads = [{"region": region, "sequence": last, "epoch": new_id()} for region, last in ends]
    head = sa.table("feed_head", sa.column("region"), sa.column("sequence"), sa.column("epoch", Id))
    if heads:
        connection.execute(sa.insert(head), heads)


def _create_persons() -> None:
    op.create_table(
        "known_person",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("birth_date", sa.Date, nullable=False),
        sa.Column("death_date", sa.Date),
        sa.Column("merged_into", Id),
        sa.Column("periods", sa.Text, nullable=False),
        sa.Column("person_name_masked", sa.Text, nullable=False),
        sa.Column("reading", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", name="pk_known_person"),
    )
    op.create_index("ix_known_person_region_reading", "known_person", ["region", "reading"])
    op.create_table(
        "person_feed_position",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.String(36), nullable=False),
        sa.Column("head_sequence", sa.BigInteger, nullable=False),
        sa.Column("head_mark", sa.String(32), nullable=False),
        sa.Column("reading", sa.Integer, nullable=False),
        sa.Column("anew_until", sa.BigInteger),
        sa.Column("read_time", Instant),
        sa.PrimaryKeyConstraint("region", name="pk_person_feed_position"),
    )


def _create_feed() -> None:
    op.create_table(
        "feed_change",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("registration_id", Id),
        sa.Column("hold_id", Id),
        sa.Column("mark", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("region", "sequence", name="pk_feed_change"),
    )
    op.create_table(
        "feed_head",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("epoch", Id, nullable=False),
        sa.PrimaryKeyConstraint("region", name="pk_feed_head"),
    )
    op.create_table(
        "told_registration",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("registration_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("category", sa.SmallInteger, nullable=False),
        sa.Column("treatment_region", sa.String(6), nullable=False),
        sa.Column("terms", sa.SmallInteger, nullable=False),
        sa.Column("benefits", sa.Text, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("is_void", sa.Boolean, nullable=False),
        sa.Column("origin", sa.SmallInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "registration_id", name="pk_told_registration"),
    )
    op.create_table(
        "told_hold",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("hold_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("visit_id", Id, nullable=False),
        sa.Column("task_id", Id, nullable=False),
        sa.Column("is_lifted", sa.Boolean, nullable=False),
        sa.Column("attestation", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("region", "hold_id", name="pk_told_hold"),
    )
