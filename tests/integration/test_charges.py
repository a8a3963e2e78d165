"""Lines uploaded, returned, settled and listed over the wire, and whatever else is sent."""

import json
import random
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from support.both_services import CALL_SECONDS, BothServices, Patient, outcome, refused
from support.settlement_world import HOSPITAL, REGION
from support.threads import wait_until

from yibao.errors import error_of
from yibao.settlement.v1 import bill_pb2
from yibao.settlement.v1 import charge_service_pb2 as pb
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import (
    ExplainSettlementRequest,
    ReverseSettlementRequest,
    SettleBillRequest,
    SubmitBillsRequest,
    TrialBillRequest,
)
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import check_ledger

MESSAGES = 1_500


def line(services: BothServices, line_id: str, **fields: Any) -> bill_pb2.BillLine:
    """Returns a line of 100.00 of today."""
    values: dict[str, Any] = {
        "line_number": 1,
        "item_code": "A1",
        "unit_price": "100",
        "quantity": "1",
        "amount_fen": 10_000,
        "line_id": line_id,
        "charge_date": from_date(shanghai_day(services.clock())),
    }
    return bill_pb2.BillLine(**{**values, **fields})


def upload(
    services: BothServices, patient: Patient, *lines: bill_pb2.BillLine, batch: str = ""
) -> list[pb.UploadedLineResult]:
    request = pb.UploadLinesRequest(
        request_id=new_id(),
        region=REGION,
        visit_id=patient.visit_id,
        charge_batch_id=batch,
        lines=lines,
    )
    return list(services.charges().UploadLines(request, timeout=CALL_SECONDS).results)


def settle_uploaded(
    services: BothServices, patient: Patient, total_fen: int, **uploaded: Any
) -> Settlement:
    request = services.settle_request(patient)
    request.bill.ClearField("lines")
    request.bill.uploaded.CopyFrom(bill_pb2.UploadedLines(**uploaded))
    request.bill.total_fen = total_fen
    return services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement


def list_lines(services: BothServices, patient: Patient, **wish: Any) -> pb.ListLinesResponse:
    request = pb.ListLinesRequest(region=REGION, visit_id=patient.visit_id, **wish)
    return services.charges().ListLines(request, timeout=CALL_SECONDS)


def test_each_line_that_is_refused_is_on_the_log_of_a_repeat_too(services: BothServices) -> None:
    patient = services.patient()
    request = pb.UploadLinesRequest(
        request_id=new_id(),
        region=REGION,
        visit_id=patient.visit_id,
        lines=[line(services, "L1"), line(services, "L2", item_code="NOPE")],
    )
    for _ in range(2):
        services.charges().UploadLines(request, timeout=CALL_SECONDS)
    wait_until(lambda: len(_refused_items(services, request.request_id)) == 2)
    for told in _refused_items(services, request.request_id):
        assert (told["item"], told["reason"]) == (2, "CATALOGUE_ITEM_UNKNOWN")


def _refused_items(services: BothServices, request_id: str) -> list[dict[str, Any]]:
    told = map(json.loads, services.lines.getvalue().splitlines())
    return [
        each
        for each in told
        if each["event"] == "item refused" and each["request_id"] == request_id
    ]


def test_lines_are_uploaded_returned_settled_explained_and_freed(services: BothServices) -> None:
    # Cases N2 and R6.
    patient = services.patient()
    origin = bill_pb2.LineOrigin(provider_item_code="院内-17", doctor_name="示例医生")
    tablets = line(
        services, "L1", unit_price="1.958333", quantity="7", amount_fen=1_371, origin=origin
    )
    first, second, unknown = upload(
        services, patient, tablets, line(services, "L2"), line(services, "L3", item_code="NOPE")
    )
    assert (first.stored.catalogue_class, first.stored.eligible_fen) == ("01", 1_371)
    assert second.stored.eligible_fen == 10_000
    assert unknown.error.reason == "ERROR_REASON_CATALOGUE_ITEM_UNKNOWN"
    assert unknown.error.field_faults[0].field == "lines[2].item_code"
    assert unknown.error.message_zh == "费用明细第3条，项目编码：项目不在医保目录内"
    assert upload(services, patient, tablets) == [first]
    (other,) = upload(services, patient, line(services, "L1"))
    assert other.error.reason == "ERROR_REASON_LINE_ID_REUSED"
    assert other.error.metadata["fields"] == "unit_price,quantity,amount_fen,origin"
    (back,) = upload(
        services,
        patient,
        line(
            services,
            "R1",
            unit_price="1.958333",
            quantity="-3",
            amount_fen=-588,
            returned_line_id="L1",
        ),
    )
    assert back.HasField("stored")
    settled = settle_uploaded(services, patient, 10_783)
    assert [(each.line_id, each.amount_fen, each.returned_fen) for each in settled.lines] == [
        ("L1", 783, 588),
        ("L2", 10_000, 0),
    ]
    page = list_lines(services, patient, page_size=2)
    assert len(page.lines) == 2
    rest = list_lines(services, patient, page_size=2, page_token=page.next_page_token)
    lines = {each.line.line_id: each for each in (*page.lines, *rest.lines)}
    assert lines.keys() == {"L1", "L2", "R1"}
    assert lines["L1"].line.origin == origin
    assert lines["L1"].result.eligible_fen == 783
    assert {each.settlement_id for each in lines.values()} == {settled.settlement_id}
    explained = services.settlements().ExplainSettlement(
        ExplainSettlementRequest(region=REGION, settlement_id=settled.settlement_id),
        timeout=CALL_SECONDS,
    )
    assert explained.trace
    services.settlements().ReverseSettlement(
        ReverseSettlementRequest(
            request_id=new_id(),
            region=REGION,
            settlement_id=settled.settlement_id,
            reason="entered twice",
        ),
        timeout=CALL_SECONDS,
    )
    assert settle_uploaded(services, patient, 10_000, line_ids=["L2"]).total_fen == 10_000
    cancelled = services.charges().CancelLines(
        pb.CancelLinesRequest(
            request_id=new_id(), region=REGION, visit_id=patient.visit_id, all_unsettled=True
        ),
        timeout=CALL_SECONDS,
    )
    assert cancelled.cancelled == 2
    assert check_ledger(services.database).drifts == []


def test_a_line_that_is_refused_by_itself_leaves_the_bill(services: BothServices) -> None:
    # Cases E7 and M2, and E12: the first day is that of the visit.
    patient = services.patient()
    request = services.settle_request(patient)
    request.bill.lines[1].item_code = "OLD"
    yesterday = shanghai_day(services.clock()).toordinal() - 1
    request.bill.lines[2].charge_date.CopyFrom(
        from_date(shanghai_day(services.clock()).fromordinal(yesterday))
    )
    settled = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    assert (settled.total_fen, settled.refused_line_count) == (900_000, 2)
    assert [(each.line_number, each.reason) for each in settled.refused_lines] == [
        (2, "ERROR_REASON_CATALOGUE_ITEM_UNKNOWN"),
        (3, "ERROR_REASON_LINE_OUTSIDE_VISIT"),
    ]
    assert all(each.message and each.message_zh for each in settled.refused_lines)


def test_lines_that_bills_settled_without_are_told_once_a_bill(services: BothServices) -> None:
    def told(*requests: SettleBillRequest) -> list[dict[str, Any]]:
        ids = {request.request_id for request in requests}
        found = services.logged("lines refused")
        return [line for line in found if line["request_id"] in ids]

    alone, one, other, good = (services.settle_request(services.patient()) for _ in range(4))
    for request in (alone, one, other):
        request.bill.lines[1].item_code = request.bill.lines[2].item_code = "OLD"
    other.bill.visit_id = new_id()
    for _ in range(2):
        services.settlements().SettleBill(alone, timeout=CALL_SECONDS)
    bulk = SubmitBillsRequest(items=[one, other, good])
    services.settlements().SubmitBills(bulk, timeout=CALL_SECONDS)
    # A bill that is refused as a whole loses no line, and the repeat of one not again.
    (first, second) = told(alone, one, other, good)
    assert [first["request_id"], second["request_id"]] == [alone.request_id, one.request_id]
    for line in (first, second):
        assert line["reasons"] == {"CATALOGUE_ITEM_UNKNOWN": 2}
        assert line["caller"] == f"institution/{HOSPITAL}"


def test_an_agency_reads_lines_and_others_find_no_visit(services: BothServices) -> None:
    patient = services.patient()
    upload(services, patient, line(services, "L1"))
    request = pb.ListLinesRequest(region=REGION, visit_id=patient.visit_id)
    assert services.charges("maker").ListLines(request, timeout=CALL_SECONDS).lines
    refusal = refused(services, services.charges("other-hospital").ListLines, request)
    assert outcome(refusal) == (grpc.StatusCode.NOT_FOUND, "VISIT_NOT_FOUND")
    request.page_token = "AAAA"
    refusal = refused(services, services.charges().ListLines, request)
    assert outcome(refusal)[1] == "FIELD_MALFORMED"


TEXTS = ("", "A1", "B2", "C1", "OLD", "L1", "L2", "R1", "甲", "-", "1", "0", "-1", "1.5", "-0.0001")
DECIMALS = ("1", "-1", "0", "-0", "7", "1.958333", "99999999", "-99999999.9999", "1e3", "", "一")
AMOUNTS = (0, 1, -1, 100, -100, 10_000, 2**31, -(2**62), 10**11)


def random_line(rng: random.Random, services: BothServices) -> bill_pb2.BillLine:
    made = line(
        services,
        rng.choice(TEXTS),
        line_number=rng.choice((0, 1, 2, 999_999, -1)),
        item_code=rng.choice(TEXTS),
        unit_price=rng.choice(DECIMALS),
        quantity=rng.choice(DECIMALS),
        amount_fen=rng.choice(AMOUNTS),
        approval=rng.choice((0, 1, 2, 7)),
        returned_line_id=rng.choice(TEXTS),
    )
    if rng.random() < 0.5:
        # A line that gets past the form of its fields.
        price, quantity, amount_fen = rng.choice(
            (("1", "1", 100), ("1.958333", "7", 1_371), ("1.958333", "-3", -588), ("1", "-1", -100))
        )
        made.unit_price, made.quantity, made.amount_fen = price, quantity, amount_fen
        made.line_number, made.item_code = rng.randint(1, 3), rng.choice(("A1", "B2", "NOPE"))
        made.line_id = rng.choice(("", "L1", "L2", "R1", "R2"))
        made.ClearField("approval")
        made.returned_line_id = rng.choice(("", "", "L1", "L2", "R1", "L9"))
    if rng.random() < 0.2:
        made.ClearField("charge_date")
    elif rng.random() < 0.3:
        made.charge_date.day = rng.randint(0, 32)
        made.charge_date.year = rng.choice((0, 1900, 2026, 9999))
    return made


def random_request(rng: random.Random, services: BothServices, patient: Patient) -> Message:
    lines = [random_line(rng, services) for _ in range(rng.randint(0, 4))]
    ids = rng.sample(TEXTS, rng.randint(0, 3))
    common: dict[str, Any] = {"region": REGION, "visit_id": patient.visit_id}
    kind = rng.randrange(5)
    if kind == 0:
        return pb.UploadLinesRequest(
            request_id=new_id(), charge_batch_id=rng.choice(TEXTS), lines=lines, **common
        )
    if kind == 1:
        return pb.CancelLinesRequest(
            request_id=new_id(), line_ids=ids, all_unsettled=rng.random() < 0.3, **common
        )
    if kind == 2:
        return pb.ListLinesRequest(
            charge_batch_id=rng.choice(TEXTS),
            only_unsettled=rng.random() < 0.5,
            page_size=rng.choice((0, 1, 2, 10**6)),
            page_token=rng.choice(("", "AAAA", "é")),
            **common,
        )
    request = services.settle_request(patient, "none")
    bill = request.bill
    del bill.lines[:]
    bill.lines.extend(lines)
    bill.total_fen = rng.choice((0, abs(sum(each.amount_fen for each in lines)) % 10**11))
    if rng.random() < 0.4:
        bill.uploaded.line_ids.extend(ids)
        bill.uploaded.charge_batch_id = rng.choice(TEXTS)
        if rng.random() < 0.8:
            del bill.lines[:]
    return TrialBillRequest(region=REGION, bill=bill)


@pytest.mark.parametrize("seed", [1])
def test_no_message_is_answered_internal(services: BothServices, seed: int) -> None:
    rng = random.Random(seed)
    patient = services.patient()
    charges, settlements = services.charges(), services.settlements()
    methods: dict[str, Callable[..., object]] = {
        "UploadLinesRequest": charges.UploadLines,
        "CancelLinesRequest": charges.CancelLines,
        "ListLinesRequest": charges.ListLines,
        "TrialBillRequest": settlements.TrialBill,
    }
    answered: dict[str, int] = {}
    for _ in range(MESSAGES):
        request = random_request(rng, services, patient)
        try:
            methods[request.DESCRIPTOR.name](request, timeout=CALL_SECONDS)
            told = "OK"
        except grpc.RpcError as error:
            refusal = error_of(error)
            assert refusal is not None, (seed, request)
            told = refusal.reason
        answered[told] = answered.get(told, 0) + 1
        assert told != "ERROR_REASON_INTERNAL", (seed, request)
    assert answered["OK"] > MESSAGES // 20
    assert len(answered) > 8, answered
    assert check_ledger(services.database).drifts == []
