"""Serials of cards and numbers of chips are in capitals.

Where two cards differ in case alone, one of them gets capitals, the older where neither has
them: a terminal that reads the serial finds that one, and the other is replaced at a counter.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_NAMES = ("region", "card_id", "card_serial", "chip_number")
_CARD = sa.table("card", *(sa.column(name, sa.String) for name in _NAMES))


def upgrade() -> None:
    for name in ("card_serial", "chip_number"):
        # What is compared with every other card has to be found by an index, on SQLite too.
        index = f"ix_card_in_capitals_{name}"
        op.create_index(index, "card", ["region", sa.text(f"upper({name})")])
        _put_in_capitals(name)
        op.drop_index(index, "card")


def _put_in_capitals(name: str) -> None:
    other = _CARD.alias("other")
    text, others = _CARD.c[name], other.c[name]
    is_taken = (
        sa.select(sa.literal(1))
        .select_from(other)
        .where(
            other.c.region == _CARD.c.region,
            sa.func.upper(others) == sa.func.upper(text),
            other.c.card_id != _CARD.c.card_id,
            sa.or_(others == sa.func.upper(others), other.c.card_id < _CARD.c.card_id),
        )
        .correlate(_CARD)
        .exists()
    )
    op.execute(
        sa.update(_CARD)
        .where(text != sa.func.upper(text), ~is_taken)
        .values({name: sa.func.upper(text)})
    )
