"""Visits by number and by day, settlements by number, over the wire."""

from typing import Any

import pytest
from support.both_services import CALL_SECONDS, BothServices, Patient, refusal_of
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION

from yibao.settlement.v1.settlement_service_pb2 import GetSettlementRequest
from yibao.settlement.v1.visit_pb2 import VISIT_STATE_CANCELLED, Visit
from yibao.settlement.v1.visit_service_pb2 import (
    CancelVisitRequest,
    GetVisitRequest,
    ListVisitsRequest,
    ListVisitsResponse,
)
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id


def listed(services: BothServices, name: str = "hospital", **wish: Any) -> ListVisitsResponse:
    request = ListVisitsRequest(**{"region": REGION, **wish})
    return services.visits(name).ListVisits(request, timeout=CALL_SECONDS)


def visit_of(services: BothServices, patient: Patient) -> Visit:
    request = GetVisitRequest(region=REGION, visit_id=patient.visit_id)
    return services.visits().GetVisit(request, timeout=CALL_SECONDS).visit


def test_what_a_hospital_lost_is_found_by_its_own_numbers(
    services: BothServices, patient: Patient
) -> None:
    number = visit_of(services, patient).provider_visit_number
    request = services.settle_request(patient)
    settled = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    by_number = GetVisitRequest(region=REGION, provider_visit_number=number)
    visit = services.visits().GetVisit(by_number, timeout=CALL_SECONDS).visit
    assert visit.visit_id == patient.visit_id
    asked = GetSettlementRequest(
        region=REGION, provider_visit_number=number, bill_number=request.bill.bill_number
    )
    for name in ("hospital", "hospital-terminal"):
        found = services.settlements(name).GetSettlement(asked, timeout=CALL_SECONDS).settlement
        assert found.settlement_id == settled.settlement_id
    for name, reason in (
        ("other-hospital", "SETTLEMENT_NOT_FOUND"),
        ("maker", "FIELD_REQUIRED"),
    ):
        refusal = refusal_of(services.settlements(name).GetSettlement, asked)
        assert refusal.reason.removeprefix("ERROR_REASON_") == reason


def test_a_day_of_visits_is_listed_page_by_page(services: BothServices) -> None:
    patients = [services.patient() for _ in range(3)]
    today = from_date(shanghai_day(services.clock()))
    cancel = CancelVisitRequest(request_id=new_id(), region=REGION, visit_id=patients[0].visit_id)
    services.visits().CancelVisit(cancel, timeout=CALL_SECONDS)
    day: dict[str, Any] = {"register_start_date": today, "register_end_date": today, "page_size": 2}
    found: list[str] = []
    token = ""
    while True:
        page = listed(services, page_token=token, **day)
        assert len(page.visits) <= 2
        found += [each.visit_id for each in page.visits]
        token = page.next_page_token
        if not token:
            break
    assert found[:3] == [each.visit_id for each in reversed(patients)]
    assert len(found) == len(set(found))
    cancelled = listed(services, state=VISIT_STATE_CANCELLED, **day)
    assert cancelled.visits[0].visit_id == patients[0].visit_id
    by_agency = listed(services, "maker", institution_id=HOSPITAL, **day)
    assert by_agency.visits[0].visit_id == patients[-1].visit_id
    assert not listed(services, "other-hospital", **day).visits


@pytest.mark.parametrize(
    ("name", "wish", "reason"),
    [
        ("hospital", {"institution_id": OTHER_HOSPITAL}, "OUT_OF_SCOPE"),
        ("maker", {}, "FIELD_REQUIRED"),
        ("other-agency", {"institution_id": HOSPITAL}, "OUT_OF_SCOPE"),
        ("hospital", {"page_token": "bm9uZQ=="}, "FIELD_MALFORMED"),
        ("hospital", {"care_type": "x"}, "FIELD_MALFORMED"),
    ],
)
def test_whose_visits_are_asked_for_is_said_in_one_way(
    services: BothServices, name: str, wish: dict[str, Any], reason: str
) -> None:
    request = ListVisitsRequest(**{"region": REGION, **wish})
    refusal = refusal_of(services.visits(name).ListVisits, request)
    assert refusal.reason.removeprefix("ERROR_REASON_") == reason
