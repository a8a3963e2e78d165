"""Relatives agree to let their accounts pay on terms, which the feed tells.

Those who agreed before did so without limits. Each region's feed gets a new epoch, so that
settlement reads it anew once, whichever of the two services was upgraded first.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id
from yibao_common.values.ids import new_id

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("relative_link", sa.Column("first_date", sa.Date))
    op.add_column("relative_link", sa.Column("last_date", sa.Date))
    op.add_column("relative_link", sa.Column("payment_limit_fen", sa.BigInteger))
    op.add_column("relative_link", sa.Column("year_limit_fen", sa.BigInteger))
    consent = sa.Column("consent_reference", sa.String(60), nullable=False, server_default="")
    op.add_column("relative_link", consent)
    with op.batch_alter_table("relative_link") as table:
        table.alter_column(
            consent.name, existing_type=consent.type, existing_nullable=False, server_default=None
        )
    head = sa.table("feed_head", sa.column("region"), sa.column("epoch", Id))
    connection = op.get_bind()
    for region in connection.execute(sa.select(head.c.region)).scalars().all():
        renewed = sa.update(head).where(head.c.region == region).values(epoch=new_id())
        connection.execute(renewed)
