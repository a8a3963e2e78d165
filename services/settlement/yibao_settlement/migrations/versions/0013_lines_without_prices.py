"""Lines that were recorded before prices and quantities were say that these are not known.

As those carried over from before a settlement had a record; nothing else of them changes.
"""

import json

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id

revision = "0013"
down_revision = "0012"

# Of a line's array, without unit price and quantity.
_SHORT = 9
_UNKNOWN = ["", ""]


def upgrade() -> None:
    table = sa.table(
        "settlement_lines",
        sa.column("region", sa.String),
        sa.column("settlement_id", Id),
        sa.column("first_line", sa.Integer),
        sa.column("lines", sa.Text),
    )
    lines = table.c.lines
    if op.get_bind().dialect.name == "postgresql":
        length = sa.func.json_array_length(sa.cast(lines, sa.JSON).op("->")(0))
    else:
        length = sa.func.json_array_length(lines, "$[0]")
    connection = op.get_bind()
    found = connection.execute(sa.select(table).where(length == _SHORT)).all()
    for region, settlement_id, first_line, text in found:
        whole = [line + _UNKNOWN for line in json.loads(text)]
        connection.execute(
            sa.update(table)
            .where(
                table.c.region == region,
                table.c.settlement_id == settlement_id,
                table.c.first_line == first_line,
            )
            .values(lines=json.dumps(whole, ensure_ascii=False, separators=(",", ":")))
        )
