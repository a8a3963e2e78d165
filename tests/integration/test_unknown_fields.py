"""A request that changes something is refused with fields that its service does not know."""

from collections.abc import Callable

import grpc
import pytest
from support.both_services import (
    CALL_SECONDS,
    BothServices,
    Patient,
    outcome,
    refusal_of,
    refused,
)
from support.identity_world import registration
from support.settlement_world import REGION

from yibao.identity.v1.certificate_service_pb2 import IssueQrCodeRequest
from yibao.identity.v1.person_service_pb2 import SubmitPersonsRequest
from yibao.settlement.v1.settlement_service_pb2 import (
    SettleBillRequest,
    SubmitBillsRequest,
    TrialBillRequest,
)
from yibao.settlement.v1.visit_service_pb2 import GetVisitRequest

# Field 1000, a text of one byte: as a client of a later contract would send it.
NEWER = b"\xc2\x3e\x01x"
REFUSED = (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_UNKNOWN")


def newer_line(request: SettleBillRequest) -> None:
    request.bill.lines[1].MergeFromString(NEWER)


def newer_day(request: SettleBillRequest) -> None:
    request.bill.service_date.MergeFromString(NEWER)


def newer_instant(request: SettleBillRequest) -> None:
    request.presentation.scan_time.MergeFromString(NEWER)


def newer_request(request: SettleBillRequest) -> None:
    request.MergeFromString(NEWER)


@pytest.mark.parametrize(
    ("spoil", "path"),
    [
        (newer_request, "1000"),
        (newer_line, "bill.lines[1].1000"),
        (newer_day, "bill.service_date.1000"),
        (newer_instant, "presentation.scan_time.1000"),
    ],
)
def test_a_bill_is_not_settled_as_if_a_newer_field_were_absent(
    services: BothServices,
    patient: Patient,
    spoil: Callable[[SettleBillRequest], None],
    path: str,
) -> None:
    request = services.settle_request(patient)
    sent = SettleBillRequest.FromString(request.SerializeToString())
    spoil(sent)
    refusal = refused(services, services.settlements().SettleBill, sent)
    assert outcome(refusal) == REFUSED
    assert [fault.field for fault in refusal.field_faults] == [path]
    # Nothing was stored under the id: without the field it settles.
    assert services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement.settlement_id


def test_an_item_is_refused_alone_and_a_field_beside_the_items_refuses_all(
    services: BothServices, patient: Patient
) -> None:
    newer, known = services.settle_request(patient), services.settle_request(patient)
    newer_line(newer)
    bulk = SubmitBillsRequest(items=[newer, known])
    results = services.settlements().SubmitBills(bulk, timeout=CALL_SECONDS).results
    assert results[0].error.reason == "ERROR_REASON_FIELD_UNKNOWN"
    assert [each.field for each in results[0].error.field_faults] == ["bill.lines[1].1000"]
    assert results[1].settled.settlement.settlement_id
    bulk = SubmitBillsRequest(items=[services.settle_request(patient)])
    bulk.MergeFromString(NEWER)
    assert outcome(refused(services, services.settlements().SubmitBills, bulk)) == REFUSED


def test_identity_refuses_them_too_with_and_without_a_request_id(
    services: BothServices, patient: Patient
) -> None:
    person = registration(services.new_number(), region=REGION)
    person.MergeFromString(NEWER)
    assert outcome(refusal_of(services.persons().RegisterPerson, person)) == REFUSED
    bulk = SubmitPersonsRequest(items=[person])
    (result,) = services.persons().SubmitPersons(bulk, timeout=CALL_SECONDS).results
    assert result.error.reason == "ERROR_REASON_FIELD_UNKNOWN"
    code = IssueQrCodeRequest(
        region=REGION, certificate_id=patient.certificate_id, audience="01301"
    )
    code.MergeFromString(NEWER)
    assert outcome(refusal_of(services.certificates().IssueQrCode, code)) == REFUSED


def test_what_changes_nothing_takes_them(services: BothServices, patient: Patient) -> None:
    visit = GetVisitRequest(region=REGION, visit_id=patient.visit_id)
    visit.MergeFromString(NEWER)
    assert services.visits().GetVisit(visit, timeout=CALL_SECONDS).visit.visit_id
    trial = TrialBillRequest(region=REGION, bill=services.bill(patient.visit_id))
    trial.bill.MergeFromString(NEWER)
    assert services.settlements().TrialBill(trial, timeout=CALL_SECONDS).settlement.bill_number
