"""The tables of what requests were answered, and of what is kept of answers that are gone."""

import sqlalchemy as sa

from yibao_common.db.answers import answer_table
from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

answer = answer_table(
    metadata,
    # Whose request it was; empty where it was no institution's, null for answers of before it was
    # kept and for those outside of the batches, of which none is an institution's.
    sa.Column("institution_id", sa.String(12)),
)

# What of answers is kept when they are taken away; only ever inserted. An id may have been
# answered twice by then: it is free again once its answer is gone.
past_answer = sa.Table(
    "past_answer",
    metadata,
    region_column(),
    sa.Column("request_id", Id, primary_key=True),
    sa.Column("answer_time", Instant, primary_key=True),
    # Empty for answers that were gone before this was kept, and are known by what they made.
    sa.Column("method", sa.String(64), nullable=False),
    sa.Column("institution_id", sa.String(12)),
)
