"""RepricingService through the real service, which takes repricings on by itself."""

from collections.abc import Callable

import grpc
from support.both_services import CALL_SECONDS, BothServices, Patient, outcome, refusal_of, refused
from support.settlement_world import REGION
from support.threads import wait_until

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import repricing_pb2 as messages
from yibao.settlement.v1 import repricing_service_pb2 as pb
from yibao.settlement.v1.repricing_service_pb2_grpc import RepricingServiceStub
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import GetSettlementRequest
from yibao_common.values.ids import new_id

FAILED, DENIED = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.PERMISSION_DENIED
NOT_FOUND, INVALID = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT
LIABLE = messages.THIRD_PARTY_LIABILITY_LIABLE


def repricings(services: BothServices, name: str = "maker") -> RepricingServiceStub:
    return RepricingServiceStub(services.channel("settlement", name))


def settle(services: BothServices, patient: Patient) -> Settlement:
    request = services.settle_request(patient)
    return services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement


def proposal(*settlement_ids: str, **changes: object) -> pb.RepriceSettlementsRequest:
    values: dict[str, object] = {
        "request_id": new_id(),
        "region": REGION,
        "settlement_ids": settlement_ids,
        "third_party_liability": LIABLE,
        "reason": "struck by a car, as the police found",
    }
    return pb.RepriceSettlementsRequest(**{**values, **changes})  # type: ignore[arg-type]


def read(services: BothServices, repricing_id: str) -> messages.Repricing:
    request = pb.GetRepricingRequest(region=REGION, repricing_id=repricing_id)
    return repricings(services).GetRepricing(request, timeout=CALL_SECONDS).repricing


def in_state(
    services: BothServices, repricing_id: str, state: messages.RepricingState.ValueType
) -> Callable[[], bool]:
    return lambda: read(services, repricing_id).state == state


def confirmation(told: messages.Repricing, **changes: object) -> pb.ConfirmRepricingRequest:
    values: dict[str, object] = {
        "request_id": new_id(),
        "region": REGION,
        "repricing_id": told.repricing_id,
        "fund_change_fen": told.fund_change_fen,
        "difference_fen": told.difference_fen,
    }
    return pb.ConfirmRepricingRequest(**{**values, **changes})  # type: ignore[arg-type]


def test_a_repricing_is_taken_on_by_the_service_itself(services: BothServices) -> None:
    bill = settle(services, services.patient())
    asked = proposal(bill.settlement_id)
    stub = repricings(services)
    proposed = stub.RepriceSettlements(asked, timeout=CALL_SECONDS)
    # Repeated, it is the same one.
    assert stub.RepriceSettlements(asked, timeout=CALL_SECONDS) == proposed
    repricing_id = proposed.repricing.repricing_id
    wait_until(in_state(services, repricing_id, messages.REPRICING_STATE_SIMULATED))
    told = read(services, repricing_id)
    assert told.fund_change_fen == -bill.fund_total_fen
    checker = repricings(services, "checker")
    confirmed = checker.ConfirmRepricing(confirmation(told), timeout=CALL_SECONDS).repricing
    assert confirmed.checker.endswith("checker")
    wait_until(in_state(services, repricing_id, messages.REPRICING_STATE_CARRIED_OUT))
    request = GetSettlementRequest(region=REGION, settlement_id=bill.settlement_id)
    by_now = services.settlements().GetSettlement(request, timeout=CALL_SECONDS).settlement
    assert by_now.fund_total_fen == bill.fund_total_fen
    assert by_now.effective.fund_total_fen == 0
    persons = stub.ListRepricedPersons(
        pb.ListRepricedPersonsRequest(region=REGION, repricing_id=repricing_id),
        timeout=CALL_SECONDS,
    ).persons
    assert [each.state for each in persons] == [messages.REPRICED_PERSON_STATE_CARRIED_OUT]
    listed = stub.ListRepricings(
        pb.ListRepricingsRequest(region=REGION, page_size=1), timeout=CALL_SECONDS
    )
    assert [each.repricing_id for each in listed.repricings] == [repricing_id]


def test_an_agency_alone_reprices(services: BothServices) -> None:
    bill = settle(services, services.patient())
    for name, reason in (("hospital", "CALLER_NOT_ALLOWED"), ("other-agency", "OUT_OF_SCOPE")):
        stub = repricings(services, name)
        reading = pb.GetRepricingRequest(region=REGION, repricing_id=new_id())
        listing = pb.ListRepricedPersonsRequest(region=REGION, repricing_id=new_id())
        for method, asked in (
            (stub.RepriceSettlements, proposal(bill.settlement_id)),
            (stub.GetRepricing, reading),
            (stub.ListRepricings, pb.ListRepricingsRequest(region=REGION)),
            (stub.ListRepricedPersons, listing),
        ):
            assert outcome(refusal_of(method, asked)) == (DENIED, reason)
    maker = repricings(services)
    told = messages.Repricing(repricing_id=new_id())
    unknown = refused(services, maker.ConfirmRepricing, confirmation(told))
    assert outcome(unknown) == (NOT_FOUND, "REPRICING_NOT_FOUND")
    nothing = refused(services, maker.RepriceSettlements, proposal(new_id()))
    assert outcome(nothing) == (FAILED, "NOTHING_TO_REPRICE")


def test_what_is_withdrawn_stays_as_it_was(services: BothServices) -> None:
    bill = settle(services, services.patient())
    maker = repricings(services)
    proposed = maker.RepriceSettlements(proposal(bill.settlement_id), timeout=CALL_SECONDS)
    withdrawal = pb.WithdrawRepricingRequest(
        request_id=new_id(), region=REGION, repricing_id=proposed.repricing.repricing_id
    )
    withdrawn = maker.WithdrawRepricing(withdrawal, timeout=CALL_SECONDS)
    assert withdrawn.repricing.state == messages.REPRICING_STATE_WITHDRAWN
    late = refusal_of(maker.ConfirmRepricing, confirmation(withdrawn.repricing))
    assert outcome(late) == (FAILED, "REPRICING_STATE")


def test_all_that_does_not_go_together_is_told_at_once(services: BothServices) -> None:
    period = messages.RepricedPeriod(
        insurance_type="390",
        start_date=Date(year=2026, month=2, day=1),
        end_date=Date(year=2026, month=1, day=31),
    )
    propose = repricings(services).RepriceSettlements
    for asked, fields in (
        (
            proposal(new_id(), period=period),
            {"settlement_ids", "period.end_date", "third_party_liability"},
        ),
        (
            proposal(third_party_liability=0),
            {"settlement_ids", "repriced_terms"},
        ),
        (proposal(new_id(), repriced_terms=[77]), {"repriced_terms[0]"}),
        (proposal(new_id(), third_party_liability=77), {"third_party_liability"}),
    ):
        told = refused(services, propose, asked)
        assert told.code == INVALID
        assert {fault.field for fault in told.field_faults} == fields
