"""Orders as stored: what a batch reads of them and writes, and what is read alone."""

from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, Update, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.difference_order import DifferenceOrder, OrderKind, OrderState
from yibao_settlement.storage.difference import tables

ORDER_COLUMNS = DifferenceOrder._fields
_CHANGING = ("state", "checker", "close_time", "posting_id", "reject_reason")


def order_from(row: Row) -> DifferenceOrder:
    """Returns the order in a row of ORDER_COLUMNS."""
    values: dict[str, Any] = dict(zip(ORDER_COLUMNS, row, strict=True))
    values["kind"] = OrderKind(values["kind"])
    values["state"] = OrderState(values["state"])
    return DifferenceOrder(**values)


def orders_of(
    connection: sa.Connection, region: str, person_ids: Collection[str]
) -> list[DifferenceOrder]:
    """Returns the orders of persons, in no order."""
    among = tuple(person_ids)
    select = Select(tables.difference_order, ORDER_COLUMNS, region, "person_id", among)
    (rows,) = execute(connection, [select])
    return [order_from(row) for row in rows]


def find_order(connection: sa.Connection, region: str, order_id: str) -> DifferenceOrder | None:
    """Returns an order, or None."""
    select = Select(tables.difference_order, ORDER_COLUMNS, region, "order_id", (order_id,))
    (rows,) = execute(connection, [select])
    return order_from(rows[0]) if rows else None


def list_orders(
    connection: sa.Connection,
    region: str,
    state: OrderState | None,
    *,
    after: str | None,
    limit: int,
) -> list[DifferenceOrder]:
    """Returns at most `limit` orders, the one proposed first at the head."""
    order = tables.difference_order.c
    query = (
        sa.select(*(order[name] for name in ORDER_COLUMNS))
        .where(order.region == region)
        .order_by(order.order_id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(order.state == int(state))
    if after is not None:
        query = query.where(order.order_id > after)
    return [order_from(tuple(row)) for row in connection.execute(query)]


def write_orders(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the orders that were proposed or closed."""
    differences = working_set.differences
    orders = differences.orders
    yield Insert(
        tables.difference_order,
        ORDER_COLUMNS,
        [_row(orders[each]) for each in differences.proposed],
    )
    yield Update(
        tables.difference_order,
        ("region", "order_id"),
        _CHANGING,
        [
            (
                orders[each].region,
                each,
                *(getattr(orders[each], name) for name in _CHANGING),
            )
            for each in sorted(differences.changed)
        ],
    )


def _row(order: DifferenceOrder) -> Row:
    return (*order,)
