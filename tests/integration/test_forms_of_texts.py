"""What scanners and hospital systems write in their own way is the same request as before.

Over real gRPC with mutual TLS, on both databases: ids in capitals or braces, a scanner's
line end, visit numbers with `#` and `+`, names of terminals in Chinese.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    BothServices,
    Patient,
    outcome,
    refusal_of,
    refused,
)
from support.contracts import ROOT
from support.settlement_world import REGION

from yibao.settlement.v1.bill_pb2 import Bill, BillLine
from yibao.settlement.v1.settlement_service_pb2 import (
    GetSettlementRequest,
    ListSettlementsRequest,
    SettleBillRequest,
    SubmitBillsRequest,
)

Write = Callable[[str], str]

WAYS_OF_A_UUID: list[Write] = [str.upper, "{{{}}}".format, "{}\r\n".format]


def copied(request: SettleBillRequest) -> SettleBillRequest:
    copy = SettleBillRequest()
    copy.CopyFrom(request)
    return copy


@pytest.mark.parametrize("write", WAYS_OF_A_UUID, ids=["capitals", "braces", "line end"])
def test_a_repeat_with_ids_in_another_form_gets_the_first_answer(
    services: BothServices, patient: Patient, write: Write
) -> None:
    request = services.settle_request(patient)
    first = services.settle_raw(request.SerializeToString())
    again = copied(request)
    again.request_id = write(request.request_id)
    again.bill.visit_id = write(request.bill.visit_id)
    again.presentation.qr_text += "\r\n"
    assert services.settle_raw(again.SerializeToString()) == first
    # And an item of a bulk request is the same request, too.
    answer = services.settlements().SubmitBills(
        SubmitBillsRequest(items=[again]), timeout=CALL_SECONDS
    )
    assert answer.results[0].settled.SerializeToString() == first


def test_other_contents_under_an_id_in_another_form_are_refused(
    services: BothServices, patient: Patient
) -> None:
    request = services.settle_request(patient)
    services.settlements().SettleBill(request, timeout=CALL_SECONDS)
    request.request_id = request.request_id.upper()
    request.bill.bill_number += "x"
    refusal = refusal_of(services.settlements().SettleBill, request)
    assert outcome(refusal)[1] == "REQUEST_ID_REUSED"
    # The id is told in the form in which it is stored.
    assert refusal.metadata["request_id"] == request.request_id.lower()


def test_an_institution_counts_and_names_as_it_likes(services: BothServices) -> None:
    _, certificate_id, _ = services.person()
    number = "门诊#2026+0001（补）"
    request = services.visit_request(
        f"{services.code(certificate_id, ADMISSION)}\r\n", provider_visit_number=f"{number}\r\n"
    )
    request.presentation.terminal_id = "急诊 3 号窗口"
    visit = services.visits().RegisterVisit(request, timeout=CALL_SECONDS).visit
    assert visit.provider_visit_number == number
    stored = services.contents()
    assert any("急诊 3 号窗口" in row for row in stored["used_code"])
    # It is the same number, whatever the keyboard put around it.
    _, other_id, _ = services.person()
    again = services.visit_request(
        services.code(other_id, ADMISSION), provider_visit_number=f"\u3000{number} "
    )
    refusal = refused(services, services.visits().RegisterVisit, again)
    assert outcome(refusal)[1] == "VISIT_EXISTS"


def test_a_bill_is_found_by_its_number_as_it_is_written(services: BothServices) -> None:
    request = services.settle_request(services.patient())
    request.bill.bill_number = "发票 #7+1"
    settlements = services.settlements()
    settled = settlements.SettleBill(request, timeout=CALL_SECONDS).settlement
    assert settled.bill_number == "发票 #7+1"
    wish = ListSettlementsRequest(region=f"{REGION}\n", bill_number="发票 #7+1\r\n")
    found = settlements.ListSettlements(wish, timeout=CALL_SECONDS).settlements
    assert [each.settlement_id for each in found] == [settled.settlement_id]
    read = GetSettlementRequest(region=REGION, settlement_id=f"{{{settled.settlement_id.upper()}}}")
    assert settlements.GetSettlement(read, timeout=CALL_SECONDS).settlement == settled


def test_a_number_of_32_characters_is_taken_whatever_its_bytes(services: BothServices) -> None:
    request = services.settle_request(services.patient())
    request.bill.bill_number = "𠮷" * 32
    settled = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    assert settled.bill_number == "𠮷" * 32
    request = services.settle_request(services.patient())
    request.bill.bill_number = "号" * 33
    refusal = refused(services, services.settlements().SettleBill, request)
    assert outcome(refusal)[1] == "FIELD_LENGTH"


@dataclass(frozen=True)
class Strict:
    """What `docs/coding/migration.md` says is refused: a bill that is changed so."""

    reason: str
    change: Callable[[Bill], object]


def _lower_item_codes(bill: Bill) -> None:
    for line in bill.lines:
        line.item_code = line.item_code.lower()


STRICT = {
    "an item code in small letters": Strict(
        "CATALOGUE_ITEM_UNKNOWN",
        _lower_item_codes,
    ),
    "a line rounded to 角": Strict(
        "LINE_AMOUNT_MISMATCH",
        lambda bill: bill.lines[2].MergeFrom(
            BillLine(unit_price="1.25", quantity="3", amount_fen=380)
        ),
    ),
    "a total that is not the sum": Strict(
        "BILL_TOTAL_MISMATCH", lambda bill: setattr(bill, "total_fen", bill.total_fen - 5)
    ),
    "a price with seven decimals": Strict(
        "DECIMAL_TOO_PRECISE", lambda bill: setattr(bill.lines[0], "unit_price", "1.0000001")
    ),
    "digits in groups": Strict(
        "FIELD_MALFORMED", lambda bill: setattr(bill.lines[0], "unit_price", "1,234.50")
    ),
    "full-width digits": Strict(
        "FIELD_MALFORMED", lambda bill: setattr(bill.lines[0], "unit_price", "\uff11\uff12")
    ),
    "a day that is none": Strict("DATE_INVALID", lambda bill: bill.service_date.Clear()),
    "no amount": Strict("FIELD_REQUIRED", lambda bill: bill.lines[0].ClearField("amount_fen")),
}


@pytest.mark.parametrize("strict", STRICT.values(), ids=STRICT)
def test_what_the_migration_page_calls_strict_is_refused(
    services: BothServices, patient: Patient, strict: Strict
) -> None:
    request = services.settle_request(patient)
    strict.change(request.bill)
    refusal = refused(services, services.settlements().SettleBill, request)
    reasons = {refusal.reason, *(fault.reason for fault in refusal.field_faults)}
    assert f"ERROR_REASON_{strict.reason}" in reasons
    page = (ROOT / "docs" / "coding" / "migration.md").read_text(encoding="utf-8")
    assert f"`{strict.reason}`" in page


@pytest.mark.parametrize("unseen", ["\u200b", "\u202e", "\ufeff", "\ufffd", "\x07"])
def test_what_nobody_sees_makes_no_second_number(services: BothServices, unseen: str) -> None:
    request = services.settle_request(services.patient())
    request.bill.bill_number = f"B{unseen}1"
    refusal = refused(services, services.settlements().SettleBill, request)
    assert outcome(refusal)[1] == "FIELD_MALFORMED"
    assert f"U+{ord(unseen):04X}" in refusal.message
