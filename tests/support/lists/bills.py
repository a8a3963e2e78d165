"""Lists of visits and bills, and of what becomes of bills."""

import datetime as dt
import functools
from collections.abc import Sequence
from typing import Any

from support.both_services import CALL_SECONDS
from support.lists.accounts import keyed
from support.lists.paged import Made, Shop
from support.lists.rows import BEGIN, DAY, moment
from support.settlement_world import HOSPITAL, REGION

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import bill_pb2, visit_pb2
from yibao.settlement.v1 import charge_service_pb2 as charging
from yibao.settlement.v1 import hold_service_pb2 as holding
from yibao.settlement.v1 import refund_service_pb2 as refunding
from yibao.settlement.v1.hold_service_pb2_grpc import HoldServiceStub
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id
from yibao_settlement.storage import tables

# Farther back than any other list has bills.
_FIGURES_BEGIN = dt.datetime(2025, 3, 3, 4, 0, tzinfo=dt.UTC)


def visits(shop: Shop) -> Made:
    person_id = shop.new_id()

    def make(ranks: Sequence[int]) -> None:
        rows = [
            {
                "visit_id": shop.id(rank),
                "provider_visit_number": f"L{rank}",
                "person_id": person_id,
                "institution_id": HOSPITAL,
                "care_type": "11",
                "entitlement_groups": "",
                "register_time": moment(rank),
            }
            for rank in ranks
        ]
        shop.insert(tables.visit, rows)

    def cancel(rank: int) -> None:
        shop.change(tables.visit, {"visit_id": shop.id(rank)}, cancel_time=BEGIN)

    request = {"person_id": person_id, "state": visit_pb2.VISIT_STATE_REGISTERED}
    return Made(request, make, ("visit_id",), cancel, {"care_type": "11"}, caller="hospital")


def _insert_settlements(
    shop: Shop, ranks: Sequence[int], begin: dt.datetime = BEGIN, **values: Any
) -> None:
    rows = [
        {
            "settlement_id": shop.id(rank),
            "visit_id": shop.new_id(),
            "bill_number": f"L{rank}",
            "settle_time": begin + (moment(rank) - BEGIN),
            "institution_id": HOSPITAL,
            "settled_by": f"institution/{HOSPITAL}",
            **values,
        }
        for rank in ranks
    ]
    shop.insert(tables.settlement, rows)


def _reversed(shop: Shop, rank: int) -> None:
    shop.change(
        tables.settlement,
        {"settlement_id": shop.id(rank)},
        reversal_id=shop.new_id(),
        reverse_time=BEGIN + dt.timedelta(days=1),
        reversed_by=f"agency/{REGION}/maker",
        reverse_reason="1",
    )


def settlements(shop: Shop) -> Made:
    service_date = DAY - dt.timedelta(days=99)
    make = functools.partial(_insert_settlements, shop, service_date=service_date)
    request = {"service_date": from_date(service_date), "state": 2}
    return Made(request, make, ("settlement_id",), functools.partial(_reversed, shop), {"state": 0})


def settlement_changes(shop: Shop) -> Made:
    """Bills of some moments, some of which were reversed, returned or decided again by then."""
    key = ("settlement_id", "change_kind", "change_time.seconds", "revision")

    def make(ranks: Sequence[int]) -> None:
        begin = BEGIN - dt.timedelta(days=9)
        for rank in ranks:
            time, refund_id = begin + (moment(rank) - BEGIN), new_id()
            row = {"settlement_id": shop.id(rank), "revision": 2, "adjust_time": time, "cause": 1}
            if rank % 3 == 0:
                shop.insert(tables.adjustment, [{**row, "posting_id": new_id()}])
            if rank % 3 == 1:
                # What a refund moved of the settlement itself is told as the refund.
                shop.insert(tables.adjustment, [{**row, "cause": 2, "cause_id": refund_id}])
                own = {"settlement_id": shop.id(rank), "number": 1, "refund_id": refund_id}
                shop.insert(tables.refund, [{**own, "refund_time": time}])
            gone: dict[str, Any] = {}
            if rank % 3 == 2:
                gone = {"reversal_id": new_id(), "reverse_time": time, "reversed_by": "agency/1"}
            _insert_settlements(shop, [rank], begin=begin, **gone)

    request = {"change_start_time": from_instant(BEGIN - dt.timedelta(days=10))}
    other = {"change_start_time": from_instant(BEGIN - dt.timedelta(days=8))}
    return Made(request, make, key, None, other)


def act_figures(shop: Shop) -> Made:
    """By institution, each with one bill."""

    def make(ranks: Sequence[int]) -> None:
        for rank in ranks:
            institution_id = f"H7700{rank:07d}"
            _insert_settlements(shop, [rank], _FIGURES_BEGIN, institution_id=institution_id)

    request = {
        "start_date": Date(year=2025, month=3, day=1),
        "end_date": Date(year=2025, month=3, day=31),
        "figure_by": 3,
    }
    return Made(request, make, ("key",), None, {"figure_by": 1})


def daily_figures(shop: Shop) -> Made:
    """By day, each with one bill, for a list whose keys are calculated."""

    def make(ranks: Sequence[int]) -> None:
        for rank in ranks:
            begin = dt.datetime(2024, 6, 1, 4, tzinfo=dt.UTC) + dt.timedelta(days=rank)
            _insert_settlements(shop, [rank], begin)

    request = {
        "start_date": Date(year=2024, month=6, day=1),
        "end_date": Date(year=2024, month=12, day=31),
        "figure_by": 1,
    }
    return Made(request, make, ("key",), None, {"figure_by": 3})


def lines(shop: Shop) -> Made:
    services = shop.services
    patient = services.patient()
    today = from_date(shanghai_day(services.clock()))

    def make(ranks: Sequence[int]) -> None:
        uploaded = [
            bill_pb2.BillLine(
                # Some have one number, and are told by their ids.
                line_number=1 + rank // 60,
                item_code="A1",
                unit_price="100",
                quantity="1",
                amount_fen=10_000,
                line_id=f"L/{rank:04d}",
                charge_date=today,
            )
            for rank in ranks
        ]
        request = charging.UploadLinesRequest(
            request_id=new_id(), region=REGION, visit_id=patient.visit_id, lines=uploaded
        )
        results = services.charges().UploadLines(request, timeout=CALL_SECONDS).results
        assert all(each.HasField("stored") for each in results)

    def cancel(rank: int) -> None:
        request = charging.CancelLinesRequest(
            request_id=new_id(),
            region=REGION,
            visit_id=patient.visit_id,
            line_ids=[f"L/{rank:04d}"],
        )
        services.charges().CancelLines(request, timeout=CALL_SECONDS)

    return Made(
        {"visit_id": patient.visit_id},
        make,
        ("line.line_id",),
        cancel,
        {"only_unsettled": True},
        caller="hospital",
    )


def holds(shop: Shop) -> Made:
    """Copies of one hold."""
    services = shop.services
    patient = services.patient()
    asked = services.settle_request(patient)
    request = holding.HoldBillRequest(
        request_id=new_id(),
        region=REGION,
        presentation=asked.presentation,
        bill=asked.bill,
        valid_for_seconds=86_400,
    )
    stub = HoldServiceStub(services.channel("settlement", "hospital"))
    hold_id = stub.HoldBill(request, timeout=CALL_SECONDS).hold.hold_id
    row = shop.row(tables.hold, hold_id=hold_id)

    def make(ranks: Sequence[int]) -> None:
        rows = [
            {**row, "hold_id": shop.id(rank), "request_id": new_id(), "bill_number": f"L{rank}"}
            for rank in ranks
        ]
        shop.insert(tables.hold, rows)

    def release(rank: int) -> None:
        shop.change(tables.hold, {"hold_id": shop.id(rank)}, state=3, end_time=BEGIN)

    return Made(
        {"person_id": patient.person_id},
        make,
        ("hold_id",),
        release,
        {"visit_id": patient.visit_id},
        caller="hospital",
    )


def overrides(shop: Shop) -> Made:
    def make(ranks: Sequence[int]) -> None:
        rows = []
        for rank in ranks:
            told = refunding.Override(override_id=shop.id(rank), region=REGION)
            row = {"override_id": shop.id(rank), "settlement_id": new_id(), "state": 1}
            rows.append({**row, "told": told.SerializeToString()})
        shop.insert(tables.override, rows)

    def withdraw(rank: int) -> None:
        key = {"override_id": shop.id(rank)}
        shop.change(tables.override, key, state=3, close_time=BEGIN)

    return Made({"state": 1}, make, ("override_id",), withdraw, {"state": 3})


def reviews(shop: Shop) -> Made:
    def make(ranks: Sequence[int]) -> None:
        rows = [
            {
                "review_id": shop.id(rank),
                "settlement_id": new_id(),
                "open_time": moment(rank),
                "findings": "[]",
                "state": 1,
            }
            for rank in ranks
        ]
        shop.insert(tables.review, rows)

    def close(rank: int) -> None:
        shop.change(tables.review, {"review_id": shop.id(rank)}, state=3, close_time=BEGIN)

    return Made({"state": 1}, make, ("review_id",), close, {"person_id": shop.new_id()})


def repricings(shop: Shop) -> Made:
    """Those that were withdrawn, which nothing carries on."""
    values = {"scope": "[[],null]", "terms": "[]", "liability": 0, "state": 3}
    make, _ = keyed(shop, tables.repricing, "repricing_id", close_time=BEGIN, **values)
    return Made({}, make, ("repricing_id",))


def repriced_persons(shop: Shop) -> Made:
    repricing_id = shop.new_id()
    values = {"scope": "[[],null]", "terms": "[]", "liability": 0, "state": 3}
    shop.insert(tables.repricing, [{"repricing_id": repricing_id, **values}])
    make, change = keyed(
        shop, tables.repriced_person, "person_id", repricing_id=repricing_id, state=2
    )
    request = {"repricing_id": repricing_id, "state": 2}
    return Made(request, make, ("person_id",), functools.partial(change, state=3), {"state": 0})
