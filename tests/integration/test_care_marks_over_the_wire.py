"""Marks of a visit over the wire: told, faulty, cleared, and read again."""

import grpc
from support.both_services import CALL_SECONDS, BothServices, outcome, refused

from yibao.settlement.v1.elsewhere_pb2 import ADMISSION_KIND_EMERGENCY, CareMarks
from yibao.settlement.v1.visit_service_pb2 import GetVisitRequest, UpdateVisitRequest
from yibao_common.values.ids import new_id

INVALID, FAILED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION


def test_a_trauma_with_a_third_party_waits_until_it_is_cleared(services: BothServices) -> None:
    patient = services.patient()
    visits = services.visits()
    qr_text = services.code(patient.certificate_id, "01101")
    # What is attested is not looked at where the institution is the region's own.
    request = services.visit_request(
        qr_text, care_type="9903", registration_attestation="MR1-NOTHING"
    )
    request.marks.CopyFrom(CareMarks(is_trauma=True, admission_kind=ADMISSION_KIND_EMERGENCY))
    refusal = refused(services, visits.RegisterVisit, request)
    assert outcome(refusal) == (INVALID, "FIELDS_INVALID")
    request.marks.CopyFrom(CareMarks(is_trauma=True, is_third_party_liable=True))
    visit = visits.RegisterVisit(request, timeout=CALL_SECONDS).visit
    assert visit.marks == request.marks
    assert not visit.HasField("elsewhere")

    settle = services.settle_request(patient)
    settle.bill.visit_id = visit.visit_id
    refusal = refused(services, services.settlements().SettleBill, settle)
    assert outcome(refusal) == (FAILED, "THIRD_PARTY_LIABLE")
    update = UpdateVisitRequest(
        request_id=new_id(),
        region=request.region,
        visit_id=visit.visit_id,
        marks=CareMarks(is_trauma=True, is_third_party_liable=False),
    )
    visits.UpdateVisit(update, timeout=CALL_SECONDS)
    asked = GetVisitRequest(region=request.region, visit_id=visit.visit_id)
    found = visits.GetVisit(asked, timeout=CALL_SECONDS).visit
    assert found.marks == update.marks
    # Told anew without marks, those before stay.
    later = UpdateVisitRequest(
        request_id=new_id(), region=request.region, visit_id=visit.visit_id, department="外科"
    )
    assert visits.UpdateVisit(later, timeout=CALL_SECONDS).visit.marks == update.marks
