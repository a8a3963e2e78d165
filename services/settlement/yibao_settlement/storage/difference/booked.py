"""Orders with their postings and what the audit tells, read for the ledger checker."""

import sqlalchemy as sa

from yibao_settlement.application.difference.order import CONFIRM_METHOD
from yibao_settlement.rules.difference_order import POSTED_AS, DifferenceOrder
from yibao_settlement.storage import tables
from yibao_settlement.storage.difference.order import ORDER_COLUMNS, order_from
from yibao_settlement.storage.ledger.told import audit_pairs


def all_orders(connection: sa.Connection, region: str) -> list[DifferenceOrder]:
    """Returns every order of a region."""
    order = tables.difference_order.c
    columns = [order[name] for name in ORDER_COLUMNS]
    rows = connection.execute(sa.select(*columns).where(order.region == region))
    return [order_from(tuple(row)) for row in rows]


def order_postings(connection: sa.Connection, region: str) -> dict[str, tuple[int, dict[str, int]]]:
    """Returns the kind and the amounts by account of every posting of orders."""
    entry = tables.entry.c
    kinds = [int(each) for each in POSTED_AS.values()]
    columns = [entry.posting_id, entry.kind, entry.account_id, entry.amount_fen]
    found: dict[str, tuple[int, dict[str, int]]] = {}
    for row in connection.execute(
        sa.select(*columns).where(entry.region == region, entry.kind.in_(kinds))
    ):
        amounts = found.setdefault(row.posting_id, (row.kind, {}))[1]
        amounts[row.account_id] = row.amount_fen
    return found


def audited_orders(connection: sa.Connection, region: str) -> dict[str, dict[str, str]]:
    """Returns what the audit tells of orders that were confirmed, by order."""
    event = tables.audit.event.c
    rows = connection.execute(
        sa.select(event.detail).where(event.region == region, event.method == CONFIRM_METHOD)
    ).scalars()
    told = [audit_pairs(detail) for detail in rows]
    return {each.get("order", ""): each for each in told}
