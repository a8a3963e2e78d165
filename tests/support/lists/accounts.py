"""Lists of what is done with accounts and differences."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from support.databases import as_owner
from support.lists.paged import Made, Shop
from support.lists.rows import BEGIN, moment

from yibao_common.db.rows import execute
from yibao_settlement.rules.year.statement import NO_SUMS, YearStatement
from yibao_settlement.storage import tables
from yibao_settlement.storage.allocation import tables as allocating
from yibao_settlement.storage.year.statement import insert_statements

_YEAR = 2019


def keyed(
    shop: Shop, table: sa.Table, id_name: str, **values: Any
) -> tuple[Callable[[Sequence[int]], None], Callable[..., None]]:
    """Returns what makes rows whose ids are of ranks, and what changes one; by id it is told."""

    def make(ranks: Sequence[int]) -> None:
        shop.insert(table, [{**values, id_name: shop.id(rank)} for rank in ranks])

    def change(rank: int, **changes: Any) -> None:
        known = values.keys() & {column.name for column in table.primary_key}
        key = {name: values[name] for name in known}
        shop.change(table, {**key, id_name: shop.id(rank)}, **changes)

    return make, change


def orders_of_accounts(shop: Shop) -> Made:
    make, change = keyed(shop, tables.accounts.account_order, "order_id", state=1)
    rejected = functools.partial(change, state=3, close_time=BEGIN, checker="agency/1/c")
    return Made({"state": 1}, make, ("order_id",), rejected, {"state": 2})


def orders_of_differences(shop: Shop) -> Made:
    make, change = keyed(shop, tables.difference_order, "order_id", state=1)
    rejected = functools.partial(change, state=3, close_time=BEGIN, checker="agency/1/c")
    return Made({"state": 1}, make, ("order_id",), rejected, {"state": 0})


def repairs(shop: Shop) -> Made:
    make, change = keyed(shop, tables.repair, "repair_id", state=1)
    return Made(
        {"state": 1},
        make,
        ("repair_id",),
        functools.partial(change, state=3, close_time=BEGIN),
        {"state": 3},
    )


def credits(shop: Shop) -> Made:
    person_id = shop.new_id()

    def make(ranks: Sequence[int]) -> None:
        rows = [
            {
                "credit_id": shop.id(rank),
                "person_id": person_id,
                "business_key": shop.id(rank),
                "state": 2,
            }
            for rank in ranks
        ]
        shop.insert(tables.accounts.credit, rows)

    other = {"person_id": shop.new_id()}
    return Made({"person_id": person_id}, make, ("credit_id",), None, other)


def _transfers(shop: Shop, request: dict[str, Any], other: dict[str, Any]) -> Made:
    table = tables.accounts.transfer

    def make(ranks: Sequence[int]) -> None:
        # Requested months ago, so that they are stuck.
        shop.insert(
            table,
            [
                {
                    "transfer_id": shop.id(rank),
                    "transfer_number": shop.id(rank),
                    "other_region": "999029",
                    "request_time": moment(rank),
                }
                for rank in ranks
            ],
        )

    def cancel(rank: int) -> None:
        shop.change(table, {"transfer_id": shop.id(rank)}, state=5, close_time=BEGIN)

    return Made(request, make, ("transfer_id",), cancel, other)


def transfers(shop: Shop) -> Made:
    return _transfers(shop, {"state": 1}, {"state": 2})


def stuck_transfers(shop: Shop) -> Made:
    return _transfers(shop, {"is_stuck": True}, {"is_stuck": False})


def allocations(shop: Shop) -> Made:
    # Those that are over, which nothing carries on; one a type and month.
    def make(ranks: Sequence[int]) -> None:
        rows = [
            {
                "allocation_id": shop.id(rank),
                "insurance_type": f"{rank:03d}",
                "month": 202601,
                "finish_time": BEGIN,
            }
            for rank in ranks
        ]
        shop.insert(allocating.allocation, rows)

    return Made({}, make, ("allocation_id",))


def allocated_persons(shop: Shop) -> Made:
    allocation_id = shop.new_id()
    row = {"allocation_id": allocation_id, "insurance_type": "zzz", "finish_time": BEGIN}
    shop.insert(allocating.allocation, [row])
    make, change = keyed(
        shop, allocating.allocated_person, "person_id", allocation_id=allocation_id, state=1
    )
    request = {"allocation_id": allocation_id, "state": 1}
    return Made(request, make, ("person_id",), functools.partial(change, state=2), {"state": 0})


def credit_policies(shop: Shop) -> Made:
    def make(ranks: Sequence[int]) -> None:
        rows = [{"policy_version": f"{rank:064x}", "start_month": 202601} for rank in ranks]
        shop.insert(allocating.credit_policy, rows)

    return Made({}, make, ("policy_version",))


def year_statements(shop: Shop) -> Made:
    def make(ranks: Sequence[int]) -> None:
        statements = [
            YearStatement("999019", _YEAR, shop.id(rank), rank, BEGIN, NO_SUMS, (), 0, 0, ())
            for rank in ranks
        ]
        with as_owner(shop.services.database) as connection:
            execute(connection, [insert_statements(statements)])

    return Made({"benefit_year": _YEAR}, make, ("person_id",), None, {"benefit_year": _YEAR - 1})
