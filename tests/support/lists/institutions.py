"""Lists of institutions, of what belongs to them, and of their months."""

import datetime as dt
import functools
from collections.abc import Sequence

import sqlalchemy as sa
from support.lists.accounts import keyed
from support.lists.paged import Made, Shop
from support.lists.rows import BEGIN, DAY
from support.settlement_world import OTHER_HOSPITAL

from yibao.common.v1.date_pb2 import Date
from yibao_settlement.storage import tables
from yibao_settlement.storage.declaration import tables as declared
from yibao_settlement.storage.institution import tables as staff

# Nobody's bills are of it.
_ELSEWHERE = "H88000000000"


def _insert_institutions(shop: Shop, ranks: Sequence[int], *, prefix: str) -> None:
    rows = [{"institution_id": f"{prefix}{rank:07d}", "start_date": DAY} for rank in ranks]
    shop.insert(tables.institution, rows)


def institutions(shop: Shop) -> Made:
    make = functools.partial(_insert_institutions, shop, prefix="H8801")
    request = {"code_prefix": "H8801"}
    return Made(request, make, ("institution_id",), None, {"code_prefix": "H880"})


def periods(shop: Shop) -> Made:
    make = functools.partial(_insert_institutions, shop, prefix="H8802")
    return Made({"month": "202602"}, make, ("institution_id",), None, {"month": "202601"})


def departments(shop: Shop) -> Made:
    return _staff(shop, staff.department, "department_code")


def doctors(shop: Shop) -> Made:
    return _staff(shop, staff.doctor, "doctor_code")


def _staff(shop: Shop, table: sa.Table, code: str) -> Made:
    def make(ranks: Sequence[int]) -> None:
        rows = [{"institution_id": _ELSEWHERE, code: f"科|{rank:04d}"} for rank in ranks]
        shop.insert(table, rows)

    return Made(
        {"institution_id": _ELSEWHERE}, make, (code,), None, {"institution_id": OTHER_HOSPITAL}
    )


def suspensions(shop: Shop) -> Made:
    """Those of a day; one that is lifted before is not of it."""
    make, change = keyed(
        shop,
        staff.suspension,
        "suspension_id",
        kind=1,
        institution_id=_ELSEWHERE,
        code="",
        start_date=DAY,
    )
    last = DAY + dt.timedelta(days=1)
    lifted = functools.partial(
        change, lift_time=BEGIN, lifted_by="agency/1/c", lift_reason="1", lift_last_date=last
    )
    day = Date(year=2026, month=3, day=20)
    request = {"institution_id": _ELSEWHERE, "date": day}
    other = {"date": Date(year=2026, month=3, day=21)}
    return Made(request, make, ("suspension_id",), lifted, other)


def mappings(shop: Shop) -> Made:
    def make(ranks: Sequence[int]) -> None:
        rows = [
            {
                "mapping_id": shop.id(rank),
                "institution_id": _ELSEWHERE,
                "provider_item_code": f"L{rank}",
                "state": 1,
            }
            for rank in ranks
        ]
        shop.insert(tables.code_mapping, rows)

    def reject(rank: int) -> None:
        shop.change(tables.code_mapping, {"mapping_id": shop.id(rank)}, state=3)

    request = {"institution_id": _ELSEWHERE, "state": 1}
    return Made(request, make, ("mapping_id",), reject, {"item_code": "A1"})


def declarations(shop: Shop) -> Made:
    def make(ranks: Sequence[int]) -> None:
        rows = [
            {
                "declaration_id": shop.id(rank),
                "institution_id": _ELSEWHERE,
                "month": 202601,
                "insurance_type": f"{rank:03d}",
                "state": 1,
            }
            for rank in ranks
        ]
        shop.insert(declared.declaration, rows)

    def reject(rank: int) -> None:
        key = {"declaration_id": shop.id(rank)}
        shop.change(declared.declaration, key, state=3, end_time=BEGIN, end_reason="1")

    request = {"institution_id": _ELSEWHERE, "state": 1}
    return Made(request, make, ("declaration_id",), reject, {"month": "202601"})


def declared_acts(shop: Shop) -> Made:
    declaration_id = shop.new_id()
    row = {"declaration_id": declaration_id, "institution_id": _ELSEWHERE, "month": 202601}
    shop.insert(declared.declaration, [{**row, "clearing_type": declaration_id[:6]}])
    make, _ = keyed(shop, declared.declared_act, "act_id", declaration_id=declaration_id)
    other = {"declaration_id": shop.new_id()}
    return Made({"declaration_id": declaration_id}, make, ("act_id",), None, other)


def deductions(shop: Shop) -> Made:
    return _orders(shop, declared.deduction, "deduction_id", deduction_type=99)


def deposit_moves(shop: Shop) -> Made:
    return _orders(shop, declared.deposit_move, "move_id")


def payments(shop: Shop) -> Made:
    return _orders(shop, declared.institution_payment, "payment_id")


def _orders(shop: Shop, table: sa.Table, key: str, **values: int) -> Made:
    make, change = keyed(shop, table, key, institution_id=_ELSEWHERE, state=1, **values)
    withdrawn = functools.partial(change, state=3, decide_time=BEGIN)
    request = {"institution_id": _ELSEWHERE, "state": 1}
    return Made(request, make, (key,), withdrawn, {"state": 0})
