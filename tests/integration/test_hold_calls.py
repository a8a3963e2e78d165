"""HoldService through the real service: a hospital holds a bill, and settles or loses it."""

import datetime as dt

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, Patient, outcome, refusal_of
from support.settlement_world import REGION
from support.threads import wait_until

from yibao.settlement.v1 import hold_service_pb2 as pb
from yibao.settlement.v1 import settlement_pb2
from yibao.settlement.v1.hold_pb2 import Hold, HoldState
from yibao.settlement.v1.hold_service_pb2_grpc import HoldServiceStub
from yibao.settlement.v1.settlement_service_pb2 import (
    ExpectedAmounts,
    GetSettlementRequest,
    TrialBillRequest,
    TrialBillResponse,
)
from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage.hold.record import find_hold

DENIED, FAILED = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION
INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def holds(services: BothServices, name: str = "hospital") -> HoldServiceStub:
    return HoldServiceStub(services.channel("settlement", name))


def hold_request(services: BothServices, patient: Patient, **changes: object) -> pb.HoldBillRequest:
    asked = services.settle_request(patient)
    values: dict[str, object] = {
        "request_id": new_id(),
        "region": REGION,
        "presentation": asked.presentation,
        "bill": asked.bill,
    }
    return pb.HoldBillRequest(**{**values, **changes})  # type: ignore[arg-type]


def confirmation(hold: Hold) -> pb.ConfirmHoldRequest:
    return pb.ConfirmHoldRequest(request_id=new_id(), region=REGION, hold_id=hold.hold_id)


def release(hold: Hold) -> pb.ReleaseHoldRequest:
    return pb.ReleaseHoldRequest(
        request_id=new_id(), region=REGION, hold_id=hold.hold_id, reason="paid otherwise"
    )


def read(services: BothServices, hold: Hold, name: str = "hospital") -> Hold:
    request = pb.GetHoldRequest(region=REGION, hold_id=hold.hold_id)
    found: Hold = holds(services, name).GetHold(request, timeout=CALL_SECONDS).hold
    return found


def elsewhere(services: BothServices, patient: Patient) -> Patient:
    """Returns the patient with a stay at another hospital: the first one has to have ended."""
    request = services.visit_request(services.code(patient.certificate_id, "01103"))
    visit = services.visits("other-hospital").RegisterVisit(request, timeout=CALL_SECONDS).visit
    return Patient(patient.person_id, patient.certificate_id, patient.subject, visit.visit_id)


def tried(services: BothServices, patient: Patient) -> TrialBillResponse:
    request = TrialBillRequest(region=REGION, bill=services.bill(patient.visit_id))
    answer: TrialBillResponse = services.settlements("other-hospital").TrialBill(
        request, timeout=CALL_SECONDS
    )
    return answer


def test_a_bill_from_the_trial_over_the_hold_to_the_settlement(services: BothServices) -> None:
    patient = services.patient()
    request = hold_request(services, patient)
    trial = services.settlements().TrialBill(
        TrialBillRequest(region=REGION, bill=request.bill), timeout=CALL_SECONDS
    )
    assert (trial.hold_count, trial.HasField("holds_until_time")) == (0, False)
    request.expected.CopyFrom(
        ExpectedAmounts(
            fund_total_fen=trial.settlement.fund_total_fen,
            account_fen=trial.settlement.account_fen,
            cash_fen=trial.settlement.cash_fen,
        )
    )
    hold = holds(services).HoldBill(request, timeout=CALL_SECONDS).hold
    assert holds(services).HoldBill(request, timeout=CALL_SECONDS).hold == hold
    assert hold.state == HoldState.HOLD_STATE_HELD
    assert hold.quote.state == settlement_pb2.SETTLEMENT_STATE_HELD
    assert (hold.quote.settlement_id, list(hold.quote.entries)) == ("", [])
    assert hold.quote.fund_total_fen == trial.settlement.fund_total_fen
    lasts = hold.expire_time.ToDatetime(dt.UTC) - hold.quote.settle_time.ToDatetime(dt.UTC)
    assert lasts == dt.timedelta(minutes=30)
    counted = tried(services, elsewhere(services, patient))
    assert (counted.hold_count, counted.holds_until_time) == (1, hold.expire_time)
    settled = holds(services).ConfirmHold(confirmation(hold), timeout=CALL_SECONDS).settlement
    assert settled.state == settlement_pb2.SETTLEMENT_STATE_SETTLED
    assert settled.cash_fen == hold.quote.cash_fen
    assert settled.former_place == hold.hold_id
    asked = GetSettlementRequest(region=REGION, settlement_id=settled.settlement_id)
    stored = services.settlements().GetSettlement(asked, timeout=CALL_SECONDS).settlement
    assert stored == settled
    found = read(services, hold, "maker")
    assert found.state == HoldState.HOLD_STATE_CONFIRMED
    assert found.settlement_id == settled.settlement_id
    told = refusal_of(holds(services).ConfirmHold, confirmation(hold))
    assert outcome(told) == (FAILED, "HOLD_CONFIRMED")
    assert check_ledger(services.database).drifts == []


def test_who_may_do_what_with_a_hold(services: BothServices) -> None:
    patient = services.patient()
    hold = holds(services).HoldBill(hold_request(services, patient), timeout=CALL_SECONDS).hold
    for name in ("other-hospital", "stranger"):
        stub = holds(services, name)
        told = refusal_of(stub.ConfirmHold, confirmation(hold))
        assert outcome(told) == (NOT_FOUND, "HOLD_NOT_FOUND")
        told = refusal_of(stub.ReleaseHold, release(hold))
        assert outcome(told) == (NOT_FOUND, "HOLD_NOT_FOUND")
        asked = pb.GetHoldRequest(region=REGION, hold_id=hold.hold_id)
        assert outcome(refusal_of(stub.GetHold, asked)) == (NOT_FOUND, "HOLD_NOT_FOUND")
    told = refusal_of(holds(services, "maker").ConfirmHold, confirmation(hold))
    assert outcome(told) == (DENIED, "CALLER_NOT_ALLOWED")
    told = refusal_of(holds(services, "other-agency").ReleaseHold, release(hold))
    assert outcome(told) == (DENIED, "OUT_OF_SCOPE")
    answer = holds(services, "maker").ReleaseHold(release(hold), timeout=CALL_SECONDS)
    assert answer.hold.state == HoldState.HOLD_STATE_RELEASED
    assert (answer.hold.release_reason, answer.adjusted_count) == ("paid otherwise", 0)
    told = refusal_of(holds(services).ConfirmHold, confirmation(hold))
    assert outcome(told) == (FAILED, "HOLD_RELEASED")


def test_a_hold_that_ran_out_counts_for_nobody(services: BothServices) -> None:
    patient = services.patient()
    request = hold_request(services, patient, valid_for_seconds=120)
    hold = holds(services).HoldBill(request, timeout=CALL_SECONDS).hold
    other = elsewhere(services, patient)
    with_hold = tried(services, other)
    services.clock.advance(seconds=121)
    without = tried(services, other)
    assert (with_hold.hold_count, without.hold_count) == (1, 0)
    assert list(with_hold.settlement.year_before)
    assert not list(without.settlement.year_before)
    assert read(services, hold).state == HoldState.HOLD_STATE_EXPIRED
    told = refusal_of(holds(services).ConfirmHold, confirmation(hold))
    assert outcome(told) == (FAILED, "HOLD_EXPIRED")


def test_a_release_by_request_may_overtake_what_it_releases(services: BothServices) -> None:
    request = hold_request(services, services.patient())
    asked = {"region": REGION, "reason": "no answer came", "hold_request_id": request.request_id}
    for name, hold_id, code, reason in (
        ("hospital", new_id(), INVALID, "FIELD_REQUIRED"),
        ("maker", "", INVALID, "FIELD_OUT_OF_RANGE"),
    ):
        made = pb.ReleaseHoldRequest(request_id=new_id(), hold_id=hold_id, **asked)
        assert outcome(refusal_of(holds(services, name).ReleaseHold, made)) == (code, reason)
    made = pb.ReleaseHoldRequest(request_id=new_id(), **asked)
    left = holds(services).ReleaseHold(made, timeout=CALL_SECONDS).hold
    assert (left.hold_id, left.state) == ("", HoldState.HOLD_STATE_RELEASED)
    told = refusal_of(holds(services).HoldBill, request)
    assert outcome(told) == (FAILED, "HOLD_RELEASED")


def test_the_sweeper_of_the_service_ends_what_ran_out(services: BothServices) -> None:
    patient = services.patient()
    request = hold_request(services, patient, valid_for_seconds=60)
    hold = holds(services).HoldBill(request, timeout=CALL_SECONDS).hold
    services.clock.advance(seconds=61)

    def is_noted() -> bool:
        with services.database.read() as connection:
            found = find_hold(connection, REGION, hold.hold_id)
        return found is not None and found.end_time is not None

    wait_until(is_noted, seconds=CALL_SECONDS)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"presentation": None}, "FIELD_REQUIRED"),
        ({"valid_for_seconds": 86_401}, "FIELD_OUT_OF_RANGE"),
        ({"valid_for_seconds": -1}, "FIELD_OUT_OF_RANGE"),
    ],
)
def test_a_hold_is_asked_for_in_full_and_for_a_day_at_most(
    services: BothServices, changes: dict[str, object], reason: str
) -> None:
    request = hold_request(services, services.patient(), **changes)
    told = refusal_of(holds(services).HoldBill, request)
    assert outcome(told) == (INVALID, reason)


def test_what_is_held_is_listed_to_whom_it_concerns(services: BothServices) -> None:
    patient = services.patient()
    made: list[Hold] = []
    for _ in range(2):
        visit = elsewhere(services, patient) if made else patient
        name = "other-hospital" if made else "hospital"
        request = hold_request(services, visit)
        made.append(holds(services, name).HoldBill(request, timeout=CALL_SECONDS).hold)
    asked = pb.ListHoldsRequest(region=REGION, person_id=patient.person_id, page_size=1)
    for name, expected in (("hospital", made[:1]), ("other-hospital", made[1:]), ("maker", made)):
        found: list[Hold] = []
        asked.page_token = ""
        while not found or asked.page_token:
            answer = holds(services, name).ListHolds(asked, timeout=CALL_SECONDS)
            found += answer.holds
            asked.page_token = answer.next_page_token
        for told, hold in zip(found, expected, strict=True):
            assert not told.quote.lines
            told.quote.lines.extend(hold.quote.lines)
            assert told == hold
    asked.page_token = "no place"
    assert outcome(refusal_of(holds(services).ListHolds, asked)) == (INVALID, "FIELD_MALFORMED")
    other = refusal_of(
        holds(services, "other-agency").ListHolds, pb.ListHoldsRequest(region=REGION)
    )
    assert outcome(other) == (DENIED, "OUT_OF_SCOPE")
