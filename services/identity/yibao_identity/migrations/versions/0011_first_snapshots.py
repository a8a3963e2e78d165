"""Snapshots of the first form go: no verifier of today reads them, and the next one is whole.

They lacked the lists and denials of a snapshot, and what was signed cannot be changed. Their
versions are seconds of the past, so whatever is published next is newer than all of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

# d2 84 4d <13 bytes> a0, then the head of the payload: 58 and one byte, or 59 and two.
_HEAD_AT = 17
# The content of a snapshot is a map of seven.
_MAP_OF_SEVEN = 0xA7


def upgrade() -> None:
    table = sa.table(
        "trust_snapshot", sa.column("version", sa.BigInteger), sa.column("snapshot", sa.LargeBinary)
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(table.c.version, table.c.snapshot)).all()
    for version, snapshot in rows:
        if not _is_whole(bytes(snapshot)):
            connection.execute(sa.delete(table).where(table.c.version == version))


def _is_whole(snapshot: bytes) -> bool:
    content_at = _HEAD_AT + (3 if snapshot[_HEAD_AT : _HEAD_AT + 1] == b"\x59" else 2)
    return snapshot[content_at : content_at + 1] == bytes((_MAP_OF_SEVEN,))
