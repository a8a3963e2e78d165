"""The tables of pre-evaluations, what was done to them, and rechecks."""

from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant


class EvaluationTables(NamedTuple):
    """The tables of pre-evaluations."""

    evaluation: sa.Table
    act: sa.Table
    recheck: sa.Table


def evaluation_tables(metadata: sa.MetaData) -> EvaluationTables:
    """Returns the tables, which become a part of `metadata`."""
    return EvaluationTables(_evaluation(metadata), _act(metadata), _recheck(metadata))


def _evaluation(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "pre_evaluation",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("evaluation_id", Id, primary_key=True),
        sa.Column("registration_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        # The last day for the next step, or what it was of the last one.
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("is_due", sa.Boolean, nullable=False),
        # Null while nothing is recorded.
        sa.Column("opinion", sa.SmallInteger),
        # JSON of `Record` in rows.py: what was found, compared and noted.
        sa.Column("sealed_record", sa.LargeBinary, nullable=False),
        sa.Column("opened_by", sa.String(200), nullable=False),
        sa.Column("open_time", Instant, nullable=False),
        # Null until approved.
        sa.Column("approved_by", sa.String(200)),
        sa.Column("approve_time", Instant),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Index("ix_pre_evaluation_region_registration_id", "region", "registration_id"),
        sa.Index("ix_pre_evaluation_region_person_id", "region", "person_id"),
        sa.Index("ix_pre_evaluation_region_due_date", "region", "due_date", "evaluation_id"),
        sa.Index(
            "ix_pre_evaluation_region_is_due", "region", "is_due", "due_date", "evaluation_id"
        ),
    )


def _act(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "evaluation_act",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("evaluation_id", Id, primary_key=True),
        # 1, 2, 3, …: the version that it made.
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("event", sa.SmallInteger, nullable=False),
        sa.Column("acted_by", sa.String(200), nullable=False),
        sa.Column("act_time", Instant, nullable=False),
        # Null where it was done to the evaluation itself.
        sa.Column("recheck_id", Id),
    )


def _recheck(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "recheck",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("recheck_id", Id, primary_key=True),
        sa.Column("evaluation_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("is_due", sa.Boolean, nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary, nullable=False),
        sa.Column("called_by", sa.String(200), nullable=False),
        sa.Column("call_time", Instant, nullable=False),
        # Null until closed; set once.
        sa.Column("sealed_findings", sa.LargeBinary),
        sa.Column("closed_by", sa.String(200)),
        sa.Column("close_time", Instant),
        sa.Index("ix_recheck_region_evaluation_id", "region", "evaluation_id"),
        sa.Index("ix_recheck_region_person_id", "region", "person_id"),
        sa.Index("ix_recheck_region_due_date", "region", "due_date", "recheck_id"),
        sa.Index("ix_recheck_region_is_due", "region", "is_due", "due_date", "recheck_id"),
    )
