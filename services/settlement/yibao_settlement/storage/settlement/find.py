"""One settlement as it is now: what is left of it, and what moved of it since."""

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.storage import tables
from yibao_settlement.storage.refund.record import refunded, select_refunds
from yibao_settlement.storage.review.record import REVIEW_COLUMNS, review_from
from yibao_settlement.storage.settlement.adjustment import newest_adjustments, select_adjustments
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)


def find_settlement(
    connection: sa.Connection, region: str, settlement_id: str
) -> SettlementRecord | None:
    """Returns a settlement, or None."""
    ids = (settlement_id,)
    rows, lines, reviews, refunds, adjustments = execute(
        connection,
        [
            Select(tables.settlement, SETTLEMENT_COLUMNS, region, "settlement_id", ids),
            Select(tables.settlement_lines, LINES_COLUMNS, region, "settlement_id", ids),
            Select(tables.review, REVIEW_COLUMNS, region, "settlement_id", ids),
            select_refunds(region, ids),
            select_adjustments(region, ids),
        ],
    )
    if not rows:
        return None
    record = record_from(rows[0], lines_from(lines).get(settlement_id, ()))
    record = refunded(record, refunds)
    record = record._replace(adjustment=newest_adjustments(adjustments).get(settlement_id))
    return record._replace(review=review_from(reviews[0]).note) if reviews else record
