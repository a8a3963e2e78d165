"""A stay through the real services: told, settled in between, discharged, settled, in words."""

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.settlement_world import REGION

from yibao.settlement.v1 import visit_pb2
from yibao.settlement.v1 import visit_service_pb2 as pb
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

FAILED, INVALID = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
MAIN = visit_pb2.Diagnosis(diagnosis_code="I10.x00", diagnosis_name="特发性高血压", is_main=True)


def update(visit_id: str, **fields: object) -> pb.UpdateVisitRequest:
    return pb.UpdateVisitRequest(request_id=new_id(), region=REGION, visit_id=visit_id, **fields)  # type: ignore[arg-type]


def discharge(services: BothServices, visit_id: str) -> pb.DischargeVisitRequest:
    return pb.DischargeVisitRequest(
        request_id=new_id(),
        region=REGION,
        visit_id=visit_id,
        end_date=from_date(shanghai_day(services.clock())),
        discharge_way=visit_pb2.DISCHARGE_WAY_ORDERED,
    )


def cancel_discharge(visit_id: str) -> pb.CancelDischargeRequest:
    return pb.CancelDischargeRequest(request_id=new_id(), region=REGION, visit_id=visit_id)


def test_a_stay_from_admission_to_its_last_bill(services: BothServices) -> None:
    """T-29: an interim bill leaves the stay open; what is missing is told at once."""
    patient = services.patient()
    visits, settlements = services.visits(), services.settlements()
    interim = services.settle_request(patient)
    interim.bill.is_interim = True
    told = refusal_of(settlements.SettleBill, interim)
    assert outcome(told) == (FAILED, "VISIT_INCOMPLETE")
    assert told.message_zh == "诊断：尚未登记，请补充后再结算"
    visits.UpdateVisit(update(patient.visit_id, diagnoses=[MAIN]), timeout=CALL_SECONDS)
    interim.request_id = new_id()
    assert settlements.SettleBill(interim, timeout=CALL_SECONDS).settlement.is_interim
    get = pb.GetVisitRequest(region=REGION, visit_id=patient.visit_id)
    missing = visits.GetVisit(get, timeout=CALL_SECONDS).missing_for_settlement
    assert list(missing) == ["end_date"]
    last = services.settle_request(patient)
    told = refusal_of(settlements.SettleBill, last)
    assert outcome(told) == (FAILED, "VISIT_INCOMPLETE")
    assert [fault.field for fault in told.field_faults] == ["visit.end_date"]
    ask = pb.ListOpenStaysRequest(region=REGION, person_id=patient.person_id)
    for caller, count in (("hospital", 1), ("maker", 1), ("other-hospital", 0)):
        found = services.visits(caller).ListOpenStays(ask, timeout=CALL_SECONDS).visits
        assert [each.visit_id for each in found] == [patient.visit_id][:count], caller
    request = discharge(services, patient.visit_id)
    answer = visits.DischargeVisit(request, timeout=CALL_SECONDS)
    assert visits.DischargeVisit(request, timeout=CALL_SECONDS) == answer
    assert answer.visit.end_date == request.end_date
    assert list(answer.visit.diagnoses) == [MAIN]
    assert visits.ListOpenStays(ask, timeout=CALL_SECONDS) == pb.ListOpenStaysResponse()
    settled = settlements.SettleBill(last, timeout=CALL_SECONDS).settlement
    assert not settled.is_interim
    told = refusal_of(visits.CancelDischarge, cancel_discharge(patient.visit_id))
    assert outcome(told) == (FAILED, "VISIT_SETTLED")


def test_a_second_admission_is_refused_in_a_clerks_words(services: BothServices) -> None:
    patient = services.patient()
    code = services.code(patient.certificate_id, "01103")
    told = refusal_of(services.visits().RegisterVisit, services.visit_request(code))
    assert outcome(told) == (FAILED, "STAY_OPEN_ELSEWHERE")
    assert told.message_zh == "参保人有未办理出院的住院登记，请先出院"
    assert told.metadata == {"visit_id": patient.visit_id}


@pytest.mark.parametrize(
    ("fields", "reason", "message_zh"),
    [
        ({"care_type": "2999"}, "CARE_TYPE_UNKNOWN", "不在国家医疗类别代码表内"),
        ({"care_type": "14"}, "FIELD_REQUIRED", "病种编码：缺少必填项"),
        (
            {"diagnoses": [visit_pb2.Diagnosis(diagnosis_code="I10.x00", diagnosis_name="高血压")]},
            "MAIN_DIAGNOSIS_INVALID",
            "诊断：主要诊断应有且仅有一个，并排在首位",
        ),
        (
            {"diagnoses": [visit_pb2.Diagnosis(diagnosis_code="i10", diagnosis_name="高血压")]},
            "FIELDS_INVALID",
            "诊断第1条，诊断编码：格式不正确（共2处）",
        ),
        ({"diagnoses": [MAIN] * 51}, "FIELD_LENGTH", "诊断：长度或条数不符合要求"),
        ({"bed": "床" * 33}, "FIELD_LENGTH", "床位号：长度或条数不符合要求"),
    ],
)
def test_what_is_wrongly_told_is_refused_by_field(
    services: BothServices, fields: dict[str, object], reason: str, message_zh: str
) -> None:
    _, certificate_id, _ = services.person()
    code = services.code(certificate_id, "01101" if "care_type" in fields else "01103")
    if fields.get("care_type") == "2999":
        code = services.code(certificate_id, "01103")
    told = refusal_of(services.visits().RegisterVisit, services.visit_request(code, **fields))
    assert outcome(told) == (INVALID, reason)
    assert told.message_zh == message_zh


def test_a_way_of_discharge_that_nobody_knows_is_refused(services: BothServices) -> None:
    patient = services.patient()
    request = discharge(services, patient.visit_id)
    request.discharge_way = 7  # type: ignore[assignment]
    told = refusal_of(services.visits().DischargeVisit, request)
    assert outcome(told) == (INVALID, "FIELD_OUT_OF_RANGE")


def test_others_visits_are_not_told_apart_from_none(services: BothServices) -> None:
    patient = services.patient()
    for visit_id in (patient.visit_id, new_id()):
        stub = services.visits("other-hospital")
        for method, request in (
            (stub.UpdateVisit, update(visit_id)),
            (stub.DischargeVisit, discharge(services, visit_id)),
            (stub.CancelDischarge, cancel_discharge(visit_id)),
        ):
            assert outcome(refusal_of(method, request)) == (NOT_FOUND, "VISIT_NOT_FOUND")
