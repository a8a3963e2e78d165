"""The feed of each region has an epoch."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id
from yibao_common.values.ids import new_id

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("feed_head", sa.Column("epoch", Id))
    head = sa.table("feed_head", sa.column("region"), sa.column("epoch", Id))
    connection = op.get_bind()
    for region in connection.execute(sa.select(head.c.region)).scalars().all():
        named = sa.update(head).where(head.c.region == region).values(epoch=new_id())
        connection.execute(named)
    with op.batch_alter_table("feed_head") as table:
        table.alter_column("epoch", existing_type=Id, nullable=False)
