"""The feed has an epoch, is read anew where it is another one, and tells of revoked phones."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Instant

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    # The epoch of what was read is not known, so that the feed is read anew, once.
    _add(
        "feed_position",
        sa.Column("epoch", sa.String(36), nullable=False, server_default=""),
        sa.Column("head_sequence", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("head_mark", sa.String(32), nullable=False, server_default=""),
        sa.Column("reading", sa.Integer, nullable=False, server_default="1"),
    )
    op.add_column("feed_position", sa.Column("anew_until", sa.BigInteger))
    op.add_column("feed_position", sa.Column("read_time", Instant))
    _note_time()
    _add("person", sa.Column("reading", sa.Integer, nullable=False, server_default="1"))
    op.add_column("person", sa.Column("gone_time", Instant))
    _add(
        "credential",
        sa.Column("revoked_device_certificate_ids", sa.Text, nullable=False, server_default=""),
    )


def _note_time() -> None:
    # When everything was known last was not kept; its limit counts from now.
    now = dt.datetime.now(dt.UTC)
    position = sa.table("feed_position", sa.column("read_time", Instant))
    op.get_bind().execute(sa.update(position).values(read_time=now))


def _add(table_name: str, *columns: sa.Column[object]) -> None:
    # A constant default is all that PostgreSQL notes for the rows that there are.
    for column in columns:
        op.add_column(table_name, column)
    with op.batch_alter_table(table_name) as table:
        for column in columns:
            table.alter_column(
                column.name, existing_type=column.type, existing_nullable=False, server_default=None
            )
