"""One settlement as it is now, or as it was told each time; and what moved of it since."""

from itertools import chain
from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute
from yibao_settlement.application.difference.state import DueMove
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.storage import tables
from yibao_settlement.storage.correction.record import corrected, select_corrections
from yibao_settlement.storage.difference.move import moved_by_settlement, select_moves
from yibao_settlement.storage.refund.record import each_left, refunded, select_refunds
from yibao_settlement.storage.repricing.terms import newest_terms, select_terms
from yibao_settlement.storage.review.record import REVIEW_COLUMNS, review_from
from yibao_settlement.storage.settlement.adjustment import (
    adjustment_from,
    newest_adjustments,
    select_adjustments,
)
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)


class _Found(NamedTuple):
    """A settlement as it was settled, with the rows of what became of it."""

    settled: SettlementRecord
    reviews: list[Row]
    refunds: list[Row]
    adjustments: list[Row]
    moves: list[Row]
    terms: list[Row]


def find_settlement(
    connection: sa.Connection, region: str, settlement_id: str
) -> SettlementRecord | None:
    """Returns a settlement, or None."""
    found = _find(connection, region, settlement_id)
    if found is None:
        return None
    record = refunded(found.settled, found.refunds)
    record = record._replace(
        adjustment=newest_adjustments(found.adjustments).get(settlement_id),
        moved_fen=moved_by_settlement(map(DueMove._make, found.moves)).get(settlement_id, 0),
        newest_terms=newest_terms(found.terms).get(settlement_id),
    )
    reviews = found.reviews
    return record._replace(review=review_from(reviews[0]).note) if reviews else record


def find_told(
    connection: sa.Connection, region: str, settlement_id: str
) -> tuple[list[SettlementRecord], list[Adjustment]]:
    """Returns a settlement as it was settled and as each refund left it, and what moved of it.

    Nothing of one that is not there.
    """
    found = _find(connection, region, settlement_id)
    if found is None:
        return [], []
    told = [found.settled, *each_left(found.settled, found.refunds)]
    return told, list(map(adjustment_from, found.adjustments))


def _find(connection: sa.Connection, region: str, settlement_id: str) -> _Found | None:
    ids = (settlement_id,)
    rows, lines, reviews, refunds, adjustments, moves, terms, *corrections = execute(
        connection,
        [
            Select(tables.settlement, SETTLEMENT_COLUMNS, region, "settlement_id", ids),
            Select(tables.settlement_lines, LINES_COLUMNS, region, "settlement_id", ids),
            Select(tables.review, REVIEW_COLUMNS, region, "settlement_id", ids),
            select_refunds(region, ids),
            select_adjustments(region, ids),
            select_moves(region, ids),
            select_terms(region, ids),
            *select_corrections(region, ids),
        ],
    )
    if not rows:
        return None
    record = record_from(rows[0], lines_from(lines).get(settlement_id, ()))
    record = corrected(record, chain.from_iterable(corrections))
    return _Found(record, reviews, refunds, adjustments, moves, terms)


def settled_at(connection: sa.Connection, region: str, settlement_id: str) -> str | None:
    """Returns the institution of a settlement, or None; its record is not looked at."""
    settlement = tables.settlement.c
    found: str | None = connection.execute(
        sa.select(settlement.institution_id).where(
            settlement.region == region, settlement.settlement_id == settlement_id
        )
    ).scalar_one_or_none()
    return found


def settlement_numbered(
    connection: sa.Connection, region: str, visit_id: str, bill_number: str
) -> str | None:
    """Returns which settlement of a visit bears a number: what stands, or was reversed last."""
    settlement = tables.settlement.c
    # Each has an index of its own, which a condition of both would not find.
    for is_of_state in (settlement.reversal_id.is_(None), settlement.reversal_id.is_not(None)):
        found: str | None = connection.execute(
            sa.select(settlement.settlement_id)
            .where(
                settlement.region == region,
                settlement.visit_id == visit_id,
                settlement.bill_number == bill_number,
                is_of_state,
            )
            .order_by(settlement.settle_time.desc(), settlement.settlement_id.desc())
            .limit(1)
        ).scalar_one_or_none()
        if found is not None:
            return found
    return None
