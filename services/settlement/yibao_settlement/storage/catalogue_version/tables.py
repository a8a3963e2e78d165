"""The tables of the catalogue's lists: versions, their rows, and what bills are settled by."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type
from yibao_settlement.storage.ledger.tables import index_where_set, metadata, region_column

catalogue_version = sa.Table(
    "catalogue_version",
    metadata,
    region_column(),
    sa.Column("version_id", Id, primary_key=True),
    sa.Column("layer", sa.SmallInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("is_whole", sa.Boolean, nullable=False),
    # 0 where it is not told.
    sa.Column("issuing_authority", sa.SmallInteger, nullable=False),
    sa.Column("authority_document", sa.String(200), nullable=False),
    sa.Column("row_count", sa.Integer, nullable=False),
    sa.Column("refused_count", sa.Integer, nullable=False),
    # Its place among the approved ones of the region; 0 before its approval.
    sa.Column("version_number", sa.Integer, nullable=False),
    # The newest approved one of the layer when it was submitted.
    sa.Column("base_number", sa.Integer, nullable=False),
    # SHA-256 over its chunks, in hexadecimal; empty for a draft.
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("begin_time", Instant, nullable=False),
    sa.Column("submit_time", Instant),
    # Who approved or withdrew it.
    sa.Column("checker", sa.String(200), nullable=False),
    sa.Column("close_time", Instant),
    sa.Column("rolled_back_version_id", Id),
)

# A chunk of rows as it was taken, so that it is taken once.
catalogue_chunk = sa.Table(
    "catalogue_chunk",
    metadata,
    region_column(),
    sa.Column("version_id", Id, primary_key=True),
    sa.Column("chunk_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("row_count", sa.Integer, nullable=False),
    sa.Column("refused_count", sa.Integer, nullable=False),
)

catalogue_row_fault = sa.Table(
    "catalogue_row_fault",
    metadata,
    region_column(),
    sa.Column("version_id", Id, primary_key=True),
    # As the spreadsheet counts it; rows of one number by their place in what was sent.
    sa.Column("row_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("chunk_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    # JSON: an array a fault: field, reason, message, message_zh.
    sa.Column("faults", sa.Text, nullable=False),
    sa.Column("faults_total", sa.Integer, nullable=False),
)

# The rows of versions. Those of an approved one are never altered; the key finds what all
# versions say of a code.
catalogue_row = sa.Table(
    "catalogue_row",
    metadata,
    region_column(),
    sa.Column("layer", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("code", code_type(50), primary_key=True),
    # What tells rows of a code apart: level, type of person, channel; empty for most layers.
    sa.Column("subkey", code_type(40), primary_key=True),
    sa.Column("version_id", Id, primary_key=True),
    sa.Column("start_date", sa.Date, primary_key=True),
    sa.Column("end_date", sa.Date),
    sa.Column("row_number", sa.Integer, nullable=False),
    # Of a mapping; null else.
    sa.Column("insurance_code", code_type(50)),
    # JSON object of what the row says beside; null where it ends what was said before.
    sa.Column("content", sa.Text),
    # By version, in the order in which institutions download it.
    sa.Index(
        "ix_catalogue_row_region_version_id_code_subkey_start_date",
        *("region", "version_id", "code", "subkey", "start_date"),
    ),
)
index_where_set(catalogue_row, "region", "insurance_code", is_set="insurance_code")

# What bills are settled by: made of the layers when a version is approved, only ever inserted.
# Of an item the rows of the newest version hold, on the days that they are of.
catalogue_effective = sa.Table(
    "catalogue_effective",
    metadata,
    region_column(),
    sa.Column("item_code", code_type(50), primary_key=True),
    sa.Column("version_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("start_date", sa.Date, primary_key=True),
    sa.Column("end_date", sa.Date),
    sa.Column("item_name", sa.String(200), nullable=False),
    # Empty where the item is in the catalogue no more.
    sa.Column("catalogue_class", sa.String(2), nullable=False),
    sa.Column("first_self_pay_ratio_ppm", sa.Integer),
    sa.Column("price_ceiling", sa.String(20), nullable=False),
    sa.Column("is_limited_use", sa.Boolean, nullable=False),
    sa.Column("item_group", sa.String(50)),
    # JSON, as of `catalogue_item`, and arrays of `PersonShare`; null for most.
    sa.Column("level_price_ceilings", sa.Text),
    sa.Column("shares", sa.Text),
    # JSON array of what is told beside, as `Told`; null where nothing is.
    sa.Column("told", sa.Text),
)
