"""What became of settled bills, over the wire: to whom how much of it is told."""

import dataclasses
from typing import NamedTuple

import grpc
import pytest
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    BothServices,
    Patient,
    outcome,
    refusal_of,
)
from support.settlement_world import HOSPITAL, REGION

from yibao.settlement.v1 import adjustment_pb2, change_service_pb2
from yibao.settlement.v1.change_service_pb2_grpc import ChangeServiceStub
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import (
    ExplainSettlementRequest,
    GetSettlementRequest,
    ReverseSettlementRequest,
)
from yibao.settlement.v1.visit_pb2 import DISCHARGE_WAY_ORDERED, Diagnosis
from yibao.settlement.v1.visit_service_pb2 import DischargeVisitRequest
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

PNEUMONIA = Diagnosis(diagnosis_code="J18.900", diagnosis_name="肺炎", is_main=True)


class TwoHospitals(NamedTuple):
    """A bill at either hospital, the second one decided again since the first was reversed."""

    reversed_: Settlement
    adjusted: Settlement

    @property
    def secrets(self) -> list[str]:
        """What the second hospital is never to learn."""
        return [
            HOSPITAL,
            self.reversed_.settlement_id,
            self.reversed_.reversal_id,
            self.reversed_.visit_id,
            self.reversed_.bill_number,
        ]


def settled(services: BothServices, patient: Patient, quantity: int, name: str) -> Settlement:
    """Settles a bill of so many packages of 100.00 at the institution of a name."""
    request = services.settle_request(patient)
    del request.bill.lines[1:]
    (line,) = request.bill.lines
    line.quantity = str(quantity)
    line.amount_fen = request.bill.total_fen = quantity * 10_000
    return services.settlements(name).SettleBill(request, timeout=CALL_SECONDS).settlement


@pytest.fixture
def bills(services: BothServices) -> TwoHospitals:
    patient = services.patient()
    discharge = DischargeVisitRequest(
        request_id=new_id(),
        region=REGION,
        visit_id=patient.visit_id,
        end_date=from_date(shanghai_day(services.clock())),
        discharge_way=DISCHARGE_WAY_ORDERED,
        diagnoses=[PNEUMONIA],
    )
    services.visits().DischargeVisit(discharge, timeout=CALL_SECONDS)
    # Both reach the limit of the year.
    first = settled(services, patient, 3_000, "hospital")
    visit_request = services.visit_request(services.code(patient.certificate_id, ADMISSION))
    visits = services.visits("other-hospital")
    visit = visits.RegisterVisit(visit_request, timeout=CALL_SECONDS).visit
    elsewhere = dataclasses.replace(patient, visit_id=visit.visit_id)
    second = settled(services, elsewhere, 3_001, "other-hospital")
    request = ReverseSettlementRequest(
        request_id=new_id(),
        region=REGION,
        settlement_id=first.settlement_id,
        reason="entered twice",
    )
    answer = services.settlements().ReverseSettlement(request, timeout=CALL_SECONDS)
    return TwoHospitals(answer.settlement, second)


def test_a_settlement_tells_what_moved_of_it(services: BothServices, bills: TwoHospitals) -> None:
    request = GetSettlementRequest(region=REGION, settlement_id=bills.adjusted.settlement_id)
    own = services.settlements("other-hospital").GetSettlement(request, timeout=CALL_SECONDS)
    (moved,) = own.settlement.adjustments
    assert (moved.revision, moved.cause) == (2, adjustment_pb2.ADJUSTMENT_CAUSE_REVERSAL)
    assert -moved.fund_change_fen == moved.cash_change_fen > 0
    sent = own.SerializeToString()
    assert not [secret for secret in bills.secrets if secret.encode() in sent]
    agencys = services.settlements("maker").GetSettlement(request, timeout=CALL_SECONDS)
    (told,) = agencys.settlement.adjustments
    assert (told.cause_id, told.cause_settlement_id) == (
        bills.reversed_.reversal_id,
        bills.reversed_.settlement_id,
    )


def test_both_columns_are_explained(services: BothServices, bills: TwoHospitals) -> None:
    request = ExplainSettlementRequest(region=REGION, settlement_id=bills.adjusted.settlement_id)
    own = services.settlements("other-hospital").ExplainSettlement(request, timeout=CALL_SECONDS)
    assert own.trace != own.effective.trace
    found = {window.name: (window.counter_value, window.value) for window in own.effective.windows}
    # The other bill was the only one before it.
    assert found
    assert {now for _, now in found.values()} == {0}
    sent = own.SerializeToString()
    assert not [secret for secret in bills.secrets if secret.encode() in sent]


def changes(
    services: BothServices, name: str, **asked: object
) -> change_service_pb2.ListSettlementChangesResponse:
    stub = ChangeServiceStub(services.channel("settlement", name))
    request = change_service_pb2.ListSettlementChangesRequest(region=REGION, **asked)  # type: ignore[arg-type]
    return stub.ListSettlementChanges(request, timeout=CALL_SECONDS)


def test_a_program_follows_what_changes(services: BothServices, bills: TwoHospitals) -> None:
    since = bills.reversed_.settle_time
    assert not changes(services, "maker", change_start_time=since).changes
    services.clock.advance(seconds=60)
    services.clock.advance(seconds=1)
    first_page = changes(services, "other-hospital", change_start_time=since, page_size=1)
    (settled_change,) = first_page.changes
    assert settled_change.change_kind == change_service_pb2.SETTLEMENT_CHANGE_KIND_SETTLED
    assert not first_page.HasField("change_end_time")
    last_page = changes(
        services, "other-hospital", change_start_time=since, page_token=first_page.next_page_token
    )
    (adjusted,) = last_page.changes
    assert (adjusted.change_kind, adjusted.cause, adjusted.revision) == (
        change_service_pb2.SETTLEMENT_CHANGE_KIND_ADJUSTED,
        adjustment_pb2.ADJUSTMENT_CAUSE_REVERSAL,
        2,
    )
    sent = first_page.SerializeToString() + last_page.SerializeToString()
    assert not [secret for secret in bills.secrets if secret.encode() in sent]
    whole = changes(services, "maker", change_start_time=since)
    assert [each.settlement_id for each in whole.changes] == [
        bills.reversed_.settlement_id,
        bills.adjusted.settlement_id,
        bills.reversed_.settlement_id,
        bills.adjusted.settlement_id,
    ]
    # Where it is followed from, nothing is told again.
    assert not changes(services, "maker", change_start_time=whole.change_end_time).changes


def test_a_token_is_of_one_list(services: BothServices, bills: TwoHospitals) -> None:
    since = bills.reversed_.settle_time
    for token in ("no place", "bm8gcGxhY2U="):
        stub = ChangeServiceStub(services.channel("settlement", "maker"))
        request = change_service_pb2.ListSettlementChangesRequest(
            region=REGION, change_start_time=since, page_token=token
        )
        told = refusal_of(stub.ListSettlementChanges, request)
        assert outcome(told) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_MALFORMED")
    told = refusal_of(
        ChangeServiceStub(services.channel("settlement", "other-agency")).ListSettlementChanges,
        change_service_pb2.ListSettlementChangesRequest(region=REGION, change_start_time=since),
    )
    assert outcome(told) == (grpc.StatusCode.PERMISSION_DENIED, "OUT_OF_SCOPE")
