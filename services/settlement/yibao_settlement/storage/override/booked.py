"""Overrides with what was taken back and what the audit tells, read for the ledger checker."""

from collections.abc import Iterable

import sqlalchemy as sa

from yibao_settlement.application.override.order import CONFIRM_METHOD
from yibao_settlement.rules.override import Override
from yibao_settlement.storage import tables
from yibao_settlement.storage.ledger.told import audit_pairs
from yibao_settlement.storage.override.record import OVERRIDE_COLUMNS, override_from

_PAGE = 500


def all_overrides(connection: sa.Connection, region: str) -> list[Override]:
    """Returns every override of a region."""
    override = tables.override.c
    columns = [override[name] for name in OVERRIDE_COLUMNS]
    rows = connection.execute(sa.select(*columns).where(override.region == region))
    return [override_from(tuple(row)) for row in rows]


def taken_back(
    connection: sa.Connection, region: str, overrides: Iterable[Override]
) -> dict[str, tuple[str, str, str]]:
    """Returns settlement, caller and reason of the reversals and refunds that overrides name."""
    settlement, refund = tables.settlement.c, tables.refund.c
    settlement_ids = sorted({each.settlement_id for each in overrides})
    found: dict[str, tuple[str, str, str]] = {}
    for start in range(0, len(settlement_ids), _PAGE):
        page = settlement_ids[start : start + _PAGE]
        for select in (
            sa.select(
                settlement.reversal_id,
                settlement.settlement_id,
                settlement.reversed_by,
                settlement.reverse_reason,
            ).where(
                settlement.region == region,
                settlement.settlement_id.in_(page),
                settlement.reversal_id.is_not(None),
            ),
            sa.select(
                refund.refund_id, refund.settlement_id, refund.refunded_by, refund.reason
            ).where(refund.region == region, refund.settlement_id.in_(page)),
        ):
            for each in connection.execute(select):
                found[each[0]] = (each[1], each[2], each[3])
    return found


def audited_overrides(connection: sa.Connection, region: str) -> dict[str, dict[str, str]]:
    """Returns what the audit tells of overrides that were confirmed, by override."""
    event = tables.audit.event.c
    rows = connection.execute(
        sa.select(event.detail).where(event.region == region, event.method == CONFIRM_METHOD)
    ).scalars()
    told = [audit_pairs(detail) for detail in rows]
    return {each["override"]: each for each in told if "override" in each}
