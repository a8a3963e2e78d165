"""The tables of mappings: what own codes mean, and how often an institution's list changed."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type
from yibao_settlement.storage.ledger.tables import metadata, region_column

code_mapping = sa.Table(
    "code_mapping",
    metadata,
    region_column(),
    sa.Column("mapping_id", Id, primary_key=True),
    sa.Column("institution_id", sa.String(12), nullable=False),
    sa.Column("provider_item_code", code_type(150), nullable=False),
    sa.Column("provider_item_name", sa.String(200), nullable=False),
    sa.Column("list_type", sa.String(30), nullable=False),
    sa.Column("item_code", sa.String(50), nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date),
    sa.Column("is_remapping", sa.Boolean, nullable=False),
    # JSON array, in the order of `MappingTexts`; null where nothing is said.
    sa.Column("texts", sa.Text),
    sa.Column("upload_time", Instant, nullable=False),
    sa.Column("uploaded_by", sa.String(200), nullable=False),
    # What follows changes when it is decided on and when it is cancelled, once each.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("decide_time", Instant),
    sa.Column("decided_by", sa.String(200)),
    sa.Column("decision_reason", sa.String(200)),
    sa.Column("cancel_time", Instant),
    sa.Column("cancelled_by", sa.String(200)),
    sa.Column("cancel_reason", sa.String(200)),
    sa.Column("cancel_last_date", sa.Date),
    sa.Index(
        "ix_code_mapping_region_institution_id_provider_item_code",
        *("region", "institution_id", "provider_item_code"),
    ),
    sa.Index(
        "ix_code_mapping_region_institution_id_mapping_id",
        *("region", "institution_id", "mapping_id"),
    ),
)

# One row an institution: who changes its list or staff locks it, so that no two take one row.
mapping_book = sa.Table(
    "mapping_book",
    metadata,
    region_column(),
    sa.Column("institution_id", sa.String(12), primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)
