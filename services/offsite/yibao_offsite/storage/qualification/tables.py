"""The tables of qualifications: what stands, what happened, and what identity is to be told."""

from dataclasses import dataclass

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type


@dataclass(frozen=True, slots=True)
class QualificationTables:
    """The tables of qualifications."""

    qualification: sa.Table
    paper: sa.Table
    event: sa.Table
    errand: sa.Table
    identity_epoch: sa.Table


def qualification_tables(metadata: sa.MetaData) -> QualificationTables:
    """Returns the tables, made in `metadata`."""
    return QualificationTables(
        _qualification(metadata),
        _paper(metadata),
        _event(metadata),
        _errand(metadata),
        sa.Table(
            "identity_epoch",
            metadata,
            _region(),
            # Of the identity that has what was carried; another one was restored.
            sa.Column("epoch", sa.String(36), nullable=False),
        ),
    )


def _region() -> sa.Column[str]:
    return sa.Column("region", sa.String(6), primary_key=True)


def _qualification(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "qualification",
        metadata,
        _region(),
        # Made in the order of time, so that lists are by it.
        sa.Column("qualification_id", Id, primary_key=True),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("disease_code", code_type(30), nullable=False),
        # As the list said when it was applied for.
        sa.Column("disease_name", sa.String(100), nullable=False),
        sa.Column("national_disease_code", sa.String(30), nullable=False),
        sa.Column("institution_id", code_type(12), nullable=False),
        # JSON arrays of texts.
        sa.Column("treating_institution_ids", sa.Text, nullable=False),
        sa.Column("diagnosis_code", sa.String(20), nullable=False),
        sa.Column("diagnosis_basis", sa.Text, nullable=False),
        sa.Column("missing_paper_codes", sa.Text, nullable=False),
        # Numbers of the contract.
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        # Null while it is open.
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
        # What identity called it last.
        sa.Column("disease_registration_id", sa.String(36), nullable=False),
        sa.Index("ix_qualification_region_person_id", "region", "person_id", "qualification_id"),
        sa.Index("ix_qualification_region_disease", "region", "disease_code", "qualification_id"),
        sa.Index("ix_qualification_region_state", "region", "state", "qualification_id"),
        sa.Index("ix_qualification_region_carry", "region", "carry_state", "qualification_id"),
        sa.Index(
            "ix_qualification_region_institution", "region", "institution_id", "qualification_id"
        ),
        sa.Index("ix_qualification_region_end_date", "region", "end_date"),
    )


def _paper(metadata: sa.MetaData) -> sa.Table:
    """Only ever inserted: of a paper that came twice, the last row counts."""
    return sa.Table(
        "qualification_paper",
        metadata,
        _region(),
        sa.Column("qualification_id", Id, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("paper_code", sa.String(40), nullable=False),
        # Of the scan; empty where it was only seen.
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("hand_in_time", Instant, nullable=False),
        sa.Column("handed_in_by", sa.String(200), nullable=False),
    )


def _event(metadata: sa.MetaData) -> sa.Table:
    """Only ever inserted."""
    return sa.Table(
        "qualification_event",
        metadata,
        _region(),
        sa.Column("qualification_id", Id, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("event_time", Instant, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("explanation", sa.Text, nullable=False),
    )


def _errand(metadata: sa.MetaData) -> sa.Table:
    """What identity is to be told: written with what makes it, gone when it was told."""
    return sa.Table(
        "qualification_errand",
        metadata,
        _region(),
        sa.Column("qualification_id", Id, primary_key=True),
        # Another one each time: who carried out the former has not carried out this one.
        sa.Column("errand_id", Id, nullable=False),
        sa.Column("wait_time", Instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_time", Instant, nullable=False),
        sa.Index("ix_qualification_errand_next_try_time", "region", "next_try_time"),
        sa.Index("ix_qualification_errand_wait_time", "region", "wait_time"),
    )
