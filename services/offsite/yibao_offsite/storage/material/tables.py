"""The tables of papers; what they hold and say of persons is sealed."""

from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant


class MaterialTables(NamedTuple):
    """Papers, the parts of their files, what they are used for, and whom uploads lock."""

    material: sa.Table
    part: sa.Table
    use: sa.Table
    party: sa.Table


def material_tables(metadata: sa.MetaData) -> MaterialTables:
    """Defines the tables of papers."""
    return MaterialTables(
        _material(metadata), _material_part(metadata), _material_use(metadata), _party(metadata)
    )


def _material(metadata: sa.MetaData) -> sa.Table:
    is_unused = sa.text("NOT is_used AND remove_time IS NULL")
    return sa.Table(
        "material",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("material_id", Id, primary_key=True),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        # `rules/material/states.py`.
        sa.Column("state", sa.SmallInteger, nullable=False),
        # Null, as `sealed_told`, of a waiver, which has no file.
        sa.Column("media_type", sa.SmallInteger),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        # The hash that was told and what is told of a photo.
        sa.Column("sealed_told", sa.LargeBinary),
        # What the finished file is, written once; null before.
        sa.Column("sealed_manifest", sa.LargeBinary),
        sa.Column("party", sa.String(200), nullable=False),
        sa.Column("begun_by", sa.String(200), nullable=False),
        sa.Column("begin_time", Instant, nullable=False),
        sa.Column("finish_time", Instant),
        # Why it was returned or waived; null where it was not.
        sa.Column("sealed_reason", sa.LargeBinary),
        sa.Column("changed_by", sa.String(200), nullable=False),
        sa.Column("change_time", Instant),
        sa.Column("replaces_id", Id),
        sa.Column("replaced_by_id", Id),
        # When its contents were taken away; null while they are kept.
        sa.Column("remove_time", Instant),
        # Whether it was ever used for something.
        sa.Column("is_used", sa.Boolean, nullable=False),
        sa.Index("ix_material_region_person_id_material_id", "region", "person_id", "material_id"),
        sa.Index("ix_material_region_party_material_id", "region", "party", "material_id"),
        sa.Index("ix_material_region_kind_material_id", "region", "kind", "material_id"),
        sa.Index("ix_material_region_state_material_id", "region", "state", "material_id"),
        # What a party has handed in for nothing yet, which there is little of.
        sa.Index(
            "ix_material_unused",
            *("region", "party", "begin_time"),
            sqlite_where=is_unused,
            postgresql_where=is_unused,
        ),
    )


def _material_part(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "material_part",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("material_id", Id, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sealed_data", sa.LargeBinary, nullable=False),
    )


def _material_use(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "material_use",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        # `rules/material/material.py`, Owner.
        sa.Column("owner", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("owner_id", Id, primary_key=True),
        sa.Column("material_id", Id, primary_key=True),
        # The last day of what it is used for; null while that goes on.
        sa.Column("end_date", sa.Date),
        sa.Index("ix_material_use_region_material_id", "region", "material_id"),
        # What may have been kept long enough.
        sa.Index("ix_material_use_region_end_date", "region", "end_date"),
    )


def _party(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "material_party",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("party", sa.String(200), primary_key=True),
    )
