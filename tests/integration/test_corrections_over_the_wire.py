"""A settled bill is corrected by calls: tried first, with a code or without, and read again."""

import grpc
from support.both_services import CALL_SECONDS, SETTLE, BothServices, outcome, refusal_of
from support.settlement_world import REGION

from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao.settlement.v1.bill_pb2 import ACCOUNT_USE_NONE, BillLine
from yibao.settlement.v1.refund_service_pb2_grpc import RefundServiceStub
from yibao.settlement.v1.settlement_pb2 import SETTLEMENT_STATE_TRIAL
from yibao.settlement.v1.settlement_service_pb2 import GetSettlementRequest
from yibao_common.values.ids import new_id


def refunds(services: BothServices, name: str = "hospital") -> RefundServiceStub:
    return RefundServiceStub(services.channel("settlement", name))


def right_bill() -> pb.CorrectedBill:
    line = BillLine(
        line_number=1, item_code="A1", unit_price="100.00", quantity="91", amount_fen=910_000
    )
    return pb.CorrectedBill(lines=[line], total_fen=910_000, account_use=ACCOUNT_USE_NONE)


def test_a_bill_is_tried_corrected_and_read(services: BothServices) -> None:
    patient = services.patient()
    request = services.settle_request(patient)
    settled = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    asked = {"region": REGION, "settlement_id": settled.settlement_id, "bill": right_bill()}
    told = refunds(services).TrialCorrection(
        pb.TrialCorrectionRequest(**asked),  # type: ignore[arg-type]
        timeout=CALL_SECONDS,
    )
    assert told.corrected.settlement.state == SETTLEMENT_STATE_TRIAL
    amounts = told.corrected.amounts
    assert amounts.cash_back_fen == amounts.returned.cash_fen - amounts.billed.cash_fen
    correction = pb.CorrectSettlementRequest(
        request_id=new_id(),
        reason="a box more was given",
        expected=amounts,
        presentation=services.presentation(services.code(patient.certificate_id, SETTLE)),
        **asked,  # type: ignore[arg-type]
    )
    elsewhere = refusal_of(refunds(services, "other-hospital").CorrectSettlement, correction)
    assert outcome(elsewhere) == (grpc.StatusCode.NOT_FOUND, "SETTLEMENT_NOT_FOUND")
    shown = refusal_of(refunds(services, "maker").CorrectSettlement, correction)
    assert outcome(shown) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_OUT_OF_RANGE")
    wrong = pb.CorrectSettlementRequest()
    wrong.CopyFrom(correction)
    wrong.expected.cash_back_fen += 1
    summed = refusal_of(refunds(services).CorrectSettlement, wrong)
    assert outcome(summed) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_OUT_OF_RANGE")
    answer = refunds(services).CorrectSettlement(correction, timeout=CALL_SECONDS)
    assert answer.amounts == amounts
    assert refunds(services).CorrectSettlement(correction, timeout=CALL_SECONDS) == answer
    read = services.settlements().GetSettlement(
        GetSettlementRequest(region=REGION, settlement_id=settled.settlement_id),
        timeout=CALL_SECONDS,
    )
    assert read.settlement.corrected_by_settlement_id == answer.settlement.settlement_id
