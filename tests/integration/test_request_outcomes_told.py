"""ResolveRequest through the real service: what became of a request without an answer."""

import grpc
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.settlement_world import HOSPITAL, REGION

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import institution_pb2, outcome_pb2
from yibao.settlement.v1 import institution_service_pb2 as institution_pb
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.institution_service_pb2_grpc import InstitutionServiceStub
from yibao_common.rpc.access import methods_of
from yibao_common.values.caller import Role
from yibao_common.values.ids import new_id
from yibao_settlement.access import ACCESS
from yibao_settlement.servicer.outcome import RESOLVED
from yibao_settlement.servicers import DESCRIPTORS

BOOKED, NOT_BOOKED = outcome_pb2.REQUEST_STATE_BOOKED, outcome_pb2.REQUEST_STATE_NOT_BOOKED
FAILED, INVALID = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT
EXISTS = grpc.StatusCode.ALREADY_EXISTS


def question(asked_request_id: str, **changes: str) -> pb.ResolveRequestRequest:
    values = {"request_id": new_id(), "region": REGION, "asked_request_id": asked_request_id}
    return pb.ResolveRequestRequest(**{**values, **changes})


def resolve(
    services: BothServices, asked_request_id: str, name: str = "hospital"
) -> outcome_pb2.RequestOutcome:
    request = question(asked_request_id)
    return services.settlements(name).ResolveRequest(request, timeout=CALL_SECONDS).outcome


def test_a_settled_bill_is_told_to_any_certificate_of_the_hospital(
    services: BothServices,
) -> None:
    request = services.settle_request(services.patient())
    settled = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    for name in ("hospital", "hospital-terminal"):
        told = resolve(services, request.request_id.upper(), name)
        assert (told.state, told.method) == (BOOKED, "SettleBill")
        assert (told.settlement_id, told.visit_id) == (settled.settlement_id, settled.visit_id)
        assert told.asked_request_id == request.request_id
    refusal = refusal_of(
        services.settlements("other-hospital").ResolveRequest, question(request.request_id)
    )
    assert outcome(refusal) == (EXISTS, "REQUEST_ID_REUSED")


def test_a_bill_that_was_not_booked_is_refused_when_it_comes(services: BothServices) -> None:
    patient = services.patient()
    late = services.settle_request(patient)
    asked = question(late.request_id)
    stub = services.settlements()
    first = stub.ResolveRequest(asked, timeout=CALL_SECONDS)
    assert (first.outcome.state, first.outcome.settlement_id) == (NOT_BOOKED, "")
    assert stub.ResolveRequest(asked, timeout=CALL_SECONDS) == first
    for name in ("hospital", "hospital-terminal"):
        refusal = refusal_of(services.settlements(name).SettleBill, late)
        assert outcome(refusal) == (FAILED, "REQUEST_FENCED")
        assert refusal.message_zh == "该笔业务已按未办理处理，请重新发起"
    # As an item of a bulk call it is refused by itself.
    anew = services.settle_request(patient)
    anew.bill.CopyFrom(late.bill)
    answer = stub.SubmitBills(pb.SubmitBillsRequest(items=[late, anew]), timeout=CALL_SECONDS)
    refused, settled = answer.results
    assert refused.error.reason == "ERROR_REASON_REQUEST_FENCED"
    assert settled.settled.settlement.bill_number == late.bill.bill_number


def departments(services: BothServices) -> institution_pb.ImportDepartmentsRequest:
    department = institution_pb2.Department(
        institution_id=HOSPITAL,
        department_code="0301",
        department_name="心内科",
        national_department_code="A03.01",
        start_date=Date(year=2026, month=1, day=1),
    )
    return institution_pb.ImportDepartmentsRequest(
        request_id=new_id(), region=REGION, items=[department]
    )


def test_what_is_no_act_at_a_counter_is_told_and_fenced_alike(services: BothServices) -> None:
    stub = InstitutionServiceStub(services.channel("settlement", "hospital"))
    done, late = departments(services), departments(services)
    stub.ImportDepartments(done, timeout=CALL_SECONDS)
    told = resolve(services, done.request_id)
    assert (told.state, told.method) == (BOOKED, "ImportDepartments")
    assert resolve(services, late.request_id).state == NOT_BOOKED
    refusal = refusal_of(stub.ImportDepartments, late)
    assert outcome(refusal) == (FAILED, "REQUEST_FENCED")
    other = refusal_of(
        services.settlements("other-hospital").ResolveRequest, question(done.request_id)
    )
    assert outcome(other) == (EXISTS, "REQUEST_ID_REUSED")


def test_a_question_for_itself_or_of_an_agency_is_refused(services: BothServices) -> None:
    request_id = new_id()
    told = refusal_of(
        services.settlements().ResolveRequest, question(request_id, request_id=request_id)
    )
    assert outcome(told) == (INVALID, "FIELD_MALFORMED")
    told = refusal_of(services.settlements("maker").ResolveRequest, question(new_id()))
    assert outcome(told)[1] == "CALLER_NOT_ALLOWED"


def test_every_change_of_an_institution_can_be_asked_for() -> None:
    changing = {
        name.rpartition("/")[2]
        for name, method in methods_of(DESCRIPTORS).items()
        if "request_id" in method.input_type.fields_by_name
        and {Role.INSTITUTION, Role.TERMINAL} & ACCESS.roles(name)
    }
    # Items of SubmitBills are requests of SettleBill; a sandbox's time is no business.
    assert changing - {"MoveClock"} == RESOLVED
