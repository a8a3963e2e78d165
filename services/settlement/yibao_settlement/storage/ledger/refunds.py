"""Whether refunds are those of their postings, and agencies' of the audit: for the checker."""

from collections.abc import Iterator

import sqlalchemy as sa

from yibao_settlement.application.override.order import CONFIRM_METHOD as OVERRIDE_METHOD
from yibao_settlement.application.settlement.refund import REFUND_METHOD
from yibao_settlement.storage import tables
from yibao_settlement.storage.ledger.told import audit_pairs

_ROWS_AT_ONCE = 1_000


def refunds_posted_otherwise(connection: sa.Connection, region: str) -> list[str]:
    """Returns settlements with a refund of another request, time or caller than its posting."""
    refund, posting = tables.refund.c, tables.posting.c
    rows = connection.execute(
        sa.select(refund.settlement_id)
        .join_from(
            tables.refund,
            tables.posting,
            sa.and_(refund.region == posting.region, refund.refund_id == posting.posting_id),
        )
        .where(
            refund.region == region,
            sa.or_(
                refund.request_id != posting.request_id,
                refund.refund_time != posting.post_time,
                refund.refunded_by != posting.posted_by,
            ),
        )
    )
    return sorted(set(rows.scalars()))


def unaudited_refunds(connection: sa.Connection, region: str) -> Iterator[str]:
    """Yields settlements with refunds by an agency that the audit does not tell of as they are."""
    refund = tables.refund.c
    after: str | None = None
    while True:
        query = (
            sa.select(
                *(refund.settlement_id, refund.refund_id, refund.request_id, refund.reason),
                *(refund.refunded_by, refund.returned_fund_total_fen, refund.returned_account_fen),
            )
            .where(refund.region == region, refund.refunded_by.like("agency/%"))
            .order_by(refund.refund_id)
            .limit(_ROWS_AT_ONCE)
        )
        if after is not None:
            query = query.where(refund.refund_id > after)
        rows = connection.execute(query).all()
        if not rows:
            return
        audited = _audited(connection, region, [row.settlement_id for row in rows])
        for row in rows:
            told = {
                "settlement": row.settlement_id,
                "refund": row.refund_id,
                "fund_total_fen": str(row.returned_fund_total_fen),
                "account_fen": str(row.returned_account_fen),
                "reason": row.reason,
            }
            if (row.refunded_by, row.request_id, told) not in audited:
                yield row.settlement_id
        after = rows[-1].refund_id


def _audited(
    connection: sa.Connection, region: str, settlement_ids: list[str]
) -> list[tuple[str, str, dict[str, str]]]:
    """Returns callers, requests and what is told of refunds of settlements."""
    event, subject = tables.audit.event.c, tables.audit.subject.c
    rows = connection.execute(
        sa.select(event.caller, event.request_id, event.detail)
        .join_from(
            tables.audit.subject,
            tables.audit.event,
            sa.and_(subject.region == event.region, subject.sequence == event.sequence),
        )
        .where(
            subject.region == region,
            subject.subject_id.in_(settlement_ids),
            event.method.in_((REFUND_METHOD, OVERRIDE_METHOD)),
        )
    )
    found = []
    for row in rows:
        told = audit_pairs(row.detail)
        # Whose bill it is the settlement itself says.
        told.pop("institution", None)
        found.append((row.caller, row.request_id, told))
    return found
