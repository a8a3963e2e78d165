"""Bills of a person stand in the order of their settlements' ids, whatever clocks say.

Those of before stand in the order of the ids that they have.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id

revision = "0027"
down_revision = "0026"

_SETTLEMENT = sa.table(
    "settlement",
    sa.column("region", sa.String),
    sa.column("person_id", Id),
    sa.column("settlement_id", Id),
)
_STANDING = sa.table(
    "person_standing",
    sa.column("region", sa.String),
    sa.column("person_id", Id),
    sa.column("newest_settlement_id", Id),
)


def upgrade() -> None:
    op.add_column("person_standing", sa.Column("newest_settlement_id", Id))
    settlement = _SETTLEMENT.c
    # PostgreSQL orders ids, and has no greatest one of them.
    as_text = sa.cast(settlement.settlement_id, sa.Text)
    newest = (
        sa.select(
            settlement.region, settlement.person_id, sa.func.max(as_text).label("settlement_id")
        )
        .group_by(settlement.region, settlement.person_id)
        .subquery("newest")
    )
    op.execute(
        sa.update(_STANDING)
        .values(newest_settlement_id=sa.cast(newest.c.settlement_id, Id))
        .where(_STANDING.c.region == newest.c.region, _STANDING.c.person_id == newest.c.person_id)
    )
