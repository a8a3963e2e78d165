"""The table of what windows smaller than a year hold, of bills by `yibao-policy/2`."""

import sqlalchemy as sa

from yibao_common.db.rows import code_type
from yibao_settlement.storage.ledger.tables import metadata, region_column

benefit_window = sa.Table(
    "benefit_window",
    metadata,
    region_column(),
    # The visit that began a stay, or a person's month: `<person>/2026-11`. The months of a
    # person lie together.
    sa.Column("scope", code_type(50), primary_key=True),
    # JSON object: instance of a window and name in it to a number, see
    # `rules.benefit.keeping`. A row of which nothing is left stays, empty.
    sa.Column("amounts", sa.Text, nullable=False),
    postgresql_with={"fillfactor": 70},
)
