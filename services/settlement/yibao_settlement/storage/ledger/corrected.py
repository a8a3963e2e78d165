"""Settlements that others corrected, as the ledger checker looks at them."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_settlement.storage import tables


class CorrectedBill(NamedTuple):
    """What is stored of a settlement whose place another one took."""

    settlement_id: str
    place: str
    visit_id: str
    bill_number: str
    is_reversed: bool
    account_fen: int


def corrected_bills(
    connection: sa.Connection, region: str, settlement_ids: Sequence[str]
) -> dict[str, CorrectedBill]:
    """Returns the settlements that others corrected, by those that took their places."""
    those = select_rows(
        connection,
        tables.correction,
        ("settlement_id",),
        region=region,
        key="settlement_id",
        among=settlement_ids,
    )
    if not those:
        return {}
    correction, old = tables.correction.c, tables.settlement.c
    last_left = (
        sa.select(tables.refund.c.account_fen)
        .where(
            tables.refund.c.region == old.region,
            tables.refund.c.settlement_id == old.settlement_id,
        )
        .order_by(tables.refund.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(
            correction.settlement_id,
            correction.corrected_id,
            sa.func.coalesce(old.former_place, old.settlement_id),
            *(old.visit_id, old.bill_number, old.reversal_id.is_not(None)),
            sa.func.coalesce(last_left, old.account_fen),
        )
        .join_from(
            tables.correction,
            tables.settlement,
            sa.and_(correction.region == old.region, correction.corrected_id == old.settlement_id),
        )
        .where(correction.region == region, correction.settlement_id.in_([row[0] for row in those]))
    )
    return {row[0]: CorrectedBill(*row[1:]) for row in rows}
