"""The tables of medical-history files: versions and readings, both only ever inserted."""

from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant


class HistoryTables(NamedTuple):
    """The tables of medical-history files."""

    version: sa.Table
    reading: sa.Table


def history_tables(metadata: sa.MetaData) -> HistoryTables:
    """Returns the tables, which become a part of `metadata`."""
    version = sa.Table(
        "medical_history",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("person_id", Id, primary_key=True),
        # 1, 2, 3, … of each person.
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        # JSON of `rules.medical_history.Contents`.
        sa.Column("sealed_contents", sa.LargeBinary, nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("record_time", Instant, nullable=False),
        # Null until compared with the sources; set once.
        sa.Column("verified_by", sa.String(200)),
        sa.Column("verify_time", Instant),
    )
    reading = sa.Table(
        "history_reading",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("person_id", Id, primary_key=True),
        # Rises with time.
        sa.Column("reading_id", Id, primary_key=True),
        # 0 where there was no file.
        sa.Column("version", sa.Integer, nullable=False),
        # What stands for the newest versions of all files; empty where an older one was read.
        sa.Column("mark", sa.String(32), nullable=False),
        sa.Column("purpose", sa.SmallInteger, nullable=False),
        sa.Column("sealed_note", sa.LargeBinary, nullable=False),
        sa.Column("read_by", sa.String(200), nullable=False),
        sa.Column("read_time", Instant, nullable=False),
    )
    return HistoryTables(version, reading)
