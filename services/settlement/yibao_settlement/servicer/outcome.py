"""What answers of requests tell of what was made, and how an outcome is told."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from google.protobuf.message import Message

from yibao.settlement.v1 import charge_service_pb2 as charge_pb
from yibao.settlement.v1 import credential_service_pb2 as credential_pb
from yibao.settlement.v1 import declaration_service_pb2 as declaration_pb
from yibao.settlement.v1 import hold_service_pb2 as hold_pb
from yibao.settlement.v1 import institution_service_pb2 as institution_pb
from yibao.settlement.v1 import mapping_service_pb2 as mapping_pb
from yibao.settlement.v1 import outcome_pb2
from yibao.settlement.v1 import refund_service_pb2 as refund_pb
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1 import visit_service_pb2 as visit_pb
from yibao_common.rpc.wire import from_instant
from yibao_settlement.application.outcome.state import Made, RequestOutcome


def _of_visit(answer: Any) -> Made:
    return Made(answer.visit.institution_id, visit_id=answer.visit.visit_id)


def _of_settlement(answer: Any) -> Made:
    """Reads an answer of a settlement, with its reversal where it is of one."""
    told = answer.settlement
    return Made(told.institution_id, told.settlement_id, told.reversal_id, visit_id=told.visit_id)


def _of_refund(answer: Any) -> Made:
    return _of_settlement(answer)._replace(refund_id=answer.refund.refund_id)


def _of_correction(answer: Any) -> Made:
    return _of_settlement(answer)._replace(reversal_id=answer.corrected.reversal_id)


def _of_hold(answer: Any) -> Made:
    quote = answer.hold.quote
    return Made(quote.institution_id, hold_id=answer.hold.hold_id, visit_id=quote.visit_id)


def _of_nothing(answer: Any) -> Made:
    """Reads an answer that names nothing of what it made."""
    return Made()


# By the method whose answer it is: all that an institution may ask to change something.
_ANSWERS: Mapping[str, tuple[type[Message], Callable[[Any], Made]]] = MappingProxyType(
    {
        "ResolveCredential": (credential_pb.ResolveCredentialResponse, _of_nothing),
        "RegisterVisit": (visit_pb.RegisterVisitResponse, _of_visit),
        "UpdateVisit": (visit_pb.UpdateVisitResponse, _of_visit),
        "DischargeVisit": (visit_pb.DischargeVisitResponse, _of_visit),
        "CancelDischarge": (visit_pb.CancelDischargeResponse, _of_visit),
        "CancelVisit": (visit_pb.CancelVisitResponse, _of_visit),
        "SettleBill": (pb.SettleBillResponse, _of_settlement),
        "ReverseSettlement": (pb.ReverseSettlementResponse, _of_settlement),
        "ResolveRequest": (pb.ResolveRequestResponse, _of_nothing),
        "RefundSettlement": (refund_pb.RefundSettlementResponse, _of_refund),
        "CorrectSettlement": (refund_pb.CorrectSettlementResponse, _of_correction),
        "HoldBill": (hold_pb.HoldBillResponse, _of_hold),
        "ConfirmHold": (hold_pb.ConfirmHoldResponse, _of_settlement),
        "ReleaseHold": (hold_pb.ReleaseHoldResponse, _of_hold),
        "UploadLines": (charge_pb.UploadLinesResponse, _of_nothing),
        "CancelLines": (charge_pb.CancelLinesResponse, _of_nothing),
        "DeclareMonth": (declaration_pb.DeclareMonthResponse, _of_nothing),
        "WithdrawDeclaration": (declaration_pb.WithdrawDeclarationResponse, _of_nothing),
        "UploadMappings": (mapping_pb.UploadMappingsResponse, _of_nothing),
        "CancelMapping": (mapping_pb.CancelMappingResponse, _of_nothing),
        "ImportDepartments": (institution_pb.ImportDepartmentsResponse, _of_nothing),
        "ImportDoctors": (institution_pb.ImportDoctorsResponse, _of_nothing),
    }
)
RESOLVED = frozenset(_ANSWERS)


def made_by(method: str, response: bytes) -> Made | None:
    """Returns what the answer of a method tells of what was made, None of one not known here."""
    known = _ANSWERS.get(method)
    if known is None:
        return None
    message, read = known
    answer = message()
    answer.ParseFromString(response)
    return read(answer)


def resolved(outcome: RequestOutcome) -> bytes:
    """Returns a serialized ResolveRequestResponse."""
    made = outcome.made
    booked, not_booked = outcome_pb2.REQUEST_STATE_BOOKED, outcome_pb2.REQUEST_STATE_NOT_BOOKED
    message = outcome_pb2.RequestOutcome(
        asked_request_id=outcome.request_id,
        state=not_booked if made is None else booked,
        outcome_time=from_instant(outcome.outcome_time),
        method=outcome.method,
    )
    if made is not None:
        message.settlement_id = made.settlement_id
        message.reversal_id = made.reversal_id
        message.refund_id = made.refund_id
        message.hold_id = made.hold_id
        message.visit_id = made.visit_id
    return pb.ResolveRequestResponse(outcome=message).SerializeToString()
