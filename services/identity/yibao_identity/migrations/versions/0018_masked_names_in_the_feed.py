"""The feed tells names, masked, and genders: each region's gets a new epoch.

So settlement reads it anew once and learns them of everybody, whichever of the two services was
upgraded first. What it knew serves on meanwhile.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id
from yibao_common.values.ids import new_id

revision = "0018"
down_revision = "0016"


def upgrade() -> None:
    head = sa.table("feed_head", sa.column("region"), sa.column("epoch", Id))
    connection = op.get_bind()
    for region in connection.execute(sa.select(head.c.region)).scalars().all():
        renewed = sa.update(head).where(head.c.region == region).values(epoch=new_id())
        connection.execute(renewed)
