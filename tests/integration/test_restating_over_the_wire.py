"""A region whose institutions restate their own later bills, as programs meet it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.both_services import (
    CALL_SECONDS,
    BothServices,
    both_services,
    outcome,
    refusal_of,
)
from support.databases import SqliteDatabases
from support.settlement_world import REGION

from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao.settlement.v1.bill_pb2 import ACCOUNT_USE_NONE, BillLine
from yibao.settlement.v1.refund_service_pb2_grpc import RefundServiceStub
from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementRequest
from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import check_ledger

UNCONFIRMED = (grpc.StatusCode.FAILED_PRECONDITION, "AMOUNTS_NOT_CONFIRMED")


@pytest.fixture(scope="module")
def restating(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BothServices]:
    """Gives services whose region has later bills restated."""
    folder = tmp_path_factory.mktemp("restating")
    databases = SqliteDatabases(folder)
    said = {"refunds": {"own_debts": {REGION: "restate"}}}
    with both_services(Path(folder) / "files", databases, said=said) as running:
        yield running
    databases.close()


def two_bills(services: BothServices) -> tuple[str, str]:
    """Settles two bills of one line, of which the second costs more without the first."""
    patient = services.patient(person_class="16")
    settled = []
    for yuan in (100_000, 20_000):
        request = services.settle_request(patient)
        del request.bill.lines[1:]
        line = request.bill.lines[0]
        line.quantity, line.amount_fen = str(yuan // 100), yuan * 100
        request.bill.total_fen = yuan * 100
        answer = services.settlements().SettleBill(request, timeout=CALL_SECONDS)
        settled.append(answer.settlement.settlement_id)
        visit = services.visit_request(services.code(patient.certificate_id, "01103"))
        made = services.visits().RegisterVisit(visit, timeout=CALL_SECONDS).visit
        patient = type(patient)(
            patient.person_id, patient.certificate_id, patient.subject, made.visit_id
        )
    return settled[0], settled[1]


def test_a_reversal_is_tried_and_asks_for_what_later_bills_cost(restating: BothServices) -> None:
    first, second = two_bills(restating)
    refunds = RefundServiceStub(restating.channel("settlement", "hospital"))
    told = refunds.TrialReversal(
        pb.TrialReversalRequest(region=REGION, settlement_id=first), timeout=CALL_SECONDS
    )
    (bill,) = told.restated_bills
    assert (bill.corrected_settlement_id, bill.settlement_id) == (second, "")
    asked: dict[str, Any] = {"region": REGION, "settlement_id": first, "reason": "entered twice"}
    reverse = restating.settlements().ReverseSettlement
    request = ReverseSettlementRequest(request_id=new_id(), **asked)
    assert outcome(refusal_of(reverse, request)) == UNCONFIRMED
    request.expected_restated_cash_fen = told.restated_cash_fen
    answer = reverse(request, timeout=CALL_SECONDS)
    assert answer.restated_cash_fen == told.restated_cash_fen > 0
    assert check_ledger(restating.database).drifts == []


def test_returned_lines_and_corrections_are_tried_and_ask_for_it(restating: BothServices) -> None:
    refunds = RefundServiceStub(restating.channel("settlement", "hospital"))
    first, _ = two_bills(restating)
    asked: dict[str, Any] = {"region": REGION, "settlement_id": first}
    lines = [pb.LineReturn(line_number=1, quantity="900")]
    tried = refunds.TrialRefund(
        pb.TrialRefundRequest(lines=lines, **asked), timeout=CALL_SECONDS
    ).refunded
    assert [each.settlement_id for each in tried.restated_bills] == [""]
    refund = pb.RefundSettlementRequest(
        request_id=new_id(),
        lines=lines,
        reason="not given",
        expected=tried.refund.amounts,
        **asked,
    )
    assert outcome(refusal_of(refunds.RefundSettlement, refund)) == UNCONFIRMED
    refund.expected_restated_cash_fen = tried.restated_cash_fen
    done = refunds.RefundSettlement(refund, timeout=CALL_SECONDS)
    assert done.restated_cash_fen == tried.restated_cash_fen
    first, _ = two_bills(restating)
    line = BillLine(line_number=1, item_code="A1", unit_price="1", quantity="1", amount_fen=100)
    bill = pb.CorrectedBill(lines=[line], total_fen=100, account_use=ACCOUNT_USE_NONE)
    asked = {"region": REGION, "settlement_id": first, "bill": bill}
    told = refunds.TrialCorrection(
        pb.TrialCorrectionRequest(**asked), timeout=CALL_SECONDS
    ).corrected
    assert [each.settlement_id for each in told.restated_bills] == [""]
    correction = pb.CorrectSettlementRequest(
        request_id=new_id(), reason="another item", expected=told.amounts, **asked
    )
    assert outcome(refusal_of(refunds.CorrectSettlement, correction)) == UNCONFIRMED
    correction.expected_restated_cash_fen = told.restated_cash_fen
    made = refunds.CorrectSettlement(correction, timeout=CALL_SECONDS)
    assert made.restated_cash_fen == told.restated_cash_fen > 0
    assert check_ledger(restating.database).drifts == []
