"""Who may not, what is too large, and what cannot be done twice. Nothing is stored.

Over real gRPC with mutual TLS, on both databases.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
from support.settlement_world import REGION

from yibao.settlement.v1 import account_service_pb2 as accounts
from yibao.settlement.v1 import catalogue_service_pb2 as catalogue
from yibao.settlement.v1 import settlement_service_pb2 as settlements
from yibao.settlement.v1.policy_service_pb2 import ApprovePolicyRequest, ValidatePolicyRequest
from yibao.settlement.v1.settlement_pb2 import SETTLEMENT_STATE_REVERSED, Settlement
from yibao.settlement.v1.statement_pb2 import STATEMENT_FORM_STRUCTURED
from yibao.settlement.v1.visit_service_pb2 import GetVisitRequest
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason

DENIED = grpc.StatusCode.PERMISSION_DENIED
EXISTS = grpc.StatusCode.ALREADY_EXISTS
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
FAILED = grpc.StatusCode.FAILED_PRECONDITION
NOT_FOUND = grpc.StatusCode.NOT_FOUND
GATE_LIMIT_BYTES = 1_000_000


@pytest.fixture(scope="module")
def settlement(services: BothServices, patient: Patient) -> Settlement:
    """Settles a bill."""
    request = services.settle_request(patient)
    return services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement


def reversal(settlement_id: str, **fields: Any) -> settlements.ReverseSettlementRequest:
    values: dict[str, Any] = {
        "request_id": new_id(),
        "region": REGION,
        "reason": "entered twice",
        **fields,
    }
    return settlements.ReverseSettlementRequest(settlement_id=settlement_id, **values)


# --- Who may not.


@dataclass(frozen=True)
class Forbidden:
    """A call that somebody's certificate does not allow."""

    caller: str
    method: str
    call: Callable[[BothServices, Patient, Settlement], tuple[Callable[..., object], object]]
    reason: Reason


def _settle(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "SettleBill",
        lambda services, patient, _: (
            services.settlements(caller).SettleBill,
            services.settle_request(patient),
        ),
        reason,
    )


def _trial(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "TrialBill",
        lambda services, patient, _: (
            services.settlements(caller).TrialBill,
            settlements.TrialBillRequest(region=REGION, bill=services.bill(patient.visit_id)),
        ),
        reason,
    )


def _read(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "GetSettlement",
        lambda services, _, settled: (
            services.settlements(caller).GetSettlement,
            settlements.GetSettlementRequest(region=REGION, settlement_id=settled.settlement_id),
        ),
        reason,
    )


def _explain(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "ExplainSettlement",
        lambda services, _, settled: (
            services.settlements(caller).ExplainSettlement,
            settlements.ExplainSettlementRequest(
                region=REGION, settlement_id=settled.settlement_id
            ),
        ),
        reason,
    )


def _print(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "GetStatement",
        lambda services, _, settled: (
            services.settlements(caller).GetStatement,
            settlements.GetStatementRequest(
                region=REGION,
                settlement_id=settled.settlement_id,
                form=STATEMENT_FORM_STRUCTURED,
            ),
        ),
        reason,
    )


def _reverse(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "ReverseSettlement",
        lambda services, _, settled: (
            services.settlements(caller).ReverseSettlement,
            reversal(settled.settlement_id),
        ),
        reason,
    )


def _visit(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "GetVisit",
        lambda services, patient, _: (
            services.visits(caller).GetVisit,
            GetVisitRequest(region=REGION, visit_id=patient.visit_id),
        ),
        reason,
    )


def _credit(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "CreditAccount",
        lambda services, patient, _: (
            services.accounts(caller).CreditAccount,
            credit(patient.person_id),
        ),
        reason,
    )


def _account(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "GetAccount",
        lambda services, patient, _: (
            services.accounts(caller).GetAccount,
            accounts.GetAccountRequest(region=REGION, person_id=patient.person_id),
        ),
        reason,
    )


def _funds(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "ListFundBalances",
        lambda services, *_: (
            services.accounts(caller).ListFundBalances,
            accounts.ListFundBalancesRequest(region=REGION),
        ),
        reason,
    )


def _import(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "ImportInstitutions",
        lambda services, *_: (
            services.catalogue(caller).ImportInstitutions,
            catalogue.ImportInstitutionsRequest(
                request_id=new_id(),
                region=REGION,
                items=[
                    catalogue.Institution(
                        institution_id="H99901900009",
                        institution_name="自封医院",
                        institution_level="3",
                        start_date={"year": 2026, "month": 1, "day": 1},  # type: ignore[arg-type]
                    )
                ],
            ),
        ),
        reason,
    )


def _approve(caller: str, reason: Reason) -> Forbidden:
    return Forbidden(
        caller,
        "ApprovePolicy",
        lambda services, _, settled: (
            services.policies(caller).ApprovePolicy,
            ApprovePolicyRequest(
                request_id=new_id(), region=REGION, policy_version=settled.policy_version
            ),
        ),
        reason,
    )


def credit(person_id: str) -> accounts.CreditAccountRequest:
    return accounts.CreditAccountRequest(
        request_id=new_id(),
        region=REGION,
        person_id=person_id,
        amount_fen=1,
        source=accounts.CREDIT_SOURCE_ALLOCATION,
    )


FORBIDDEN = (
    # The role may not call the method at all.
    _settle("maker", Reason.CALLER_NOT_ALLOWED),
    _settle("channel", Reason.CALLER_NOT_ALLOWED),
    _settle("identity-server", Reason.CALLER_NOT_ALLOWED),
    _read("identity-server", Reason.CALLER_NOT_ALLOWED),
    _credit("hospital", Reason.CALLER_NOT_ALLOWED),
    _account("hospital", Reason.CALLER_NOT_ALLOWED),
    _import("hospital", Reason.CALLER_NOT_ALLOWED),
    _approve("hospital", Reason.CALLER_NOT_ALLOWED),
    # Another institution is not told that the thing exists.
    _settle("other-hospital", Reason.VISIT_NOT_FOUND),
    _trial("other-hospital", Reason.VISIT_NOT_FOUND),
    _visit("other-hospital", Reason.VISIT_NOT_FOUND),
    _read("other-hospital", Reason.SETTLEMENT_NOT_FOUND),
    _explain("other-hospital", Reason.SETTLEMENT_NOT_FOUND),
    _print("other-hospital", Reason.SETTLEMENT_NOT_FOUND),
    _reverse("other-hospital", Reason.SETTLEMENT_NOT_FOUND),
    # An agency acts in its own region.
    _read("other-agency", Reason.OUT_OF_SCOPE),
    _explain("other-agency", Reason.OUT_OF_SCOPE),
    _print("other-agency", Reason.OUT_OF_SCOPE),
    _reverse("other-agency", Reason.OUT_OF_SCOPE),
    _visit("other-agency", Reason.OUT_OF_SCOPE),
    _credit("other-agency", Reason.OUT_OF_SCOPE),
    _account("other-agency", Reason.OUT_OF_SCOPE),
    _funds("other-agency", Reason.OUT_OF_SCOPE),
    _import("other-agency", Reason.OUT_OF_SCOPE),
    _approve("other-agency", Reason.OUT_OF_SCOPE),
)


@pytest.mark.parametrize(
    "case", FORBIDDEN, ids=lambda case: f"{case.caller} {case.method} {case.reason.name}"
)
def test_a_certificate_opens_only_what_is_its_holders(
    services: BothServices, patient: Patient, settlement: Settlement, case: Forbidden
) -> None:
    method, request = case.call(services, patient, settlement)
    refusal = refused(services, method, request)
    expected = NOT_FOUND if case.reason.name.endswith("NOT_FOUND") else DENIED
    assert outcome(refusal) == (expected, case.reason.name)


def test_those_whose_settlement_it_is_read_it(
    services: BothServices, settlement: Settlement
) -> None:
    request = settlements.GetSettlementRequest(
        region=REGION, settlement_id=settlement.settlement_id
    )
    for name in ("hospital", "maker", "checker"):
        read = services.settlements(name).GetSettlement(request, timeout=CALL_SECONDS)
        assert read.settlement == settlement


# --- Too large.


def test_a_message_over_the_limit_is_refused_with_both_sizes(services: BothServices) -> None:
    request = ValidatePolicyRequest(policy_file=b"#" * GATE_LIMIT_BYTES)
    refusal = refused(services, services.policies().ValidatePolicy, request)
    assert outcome(refusal) == (EXHAUSTED, "MESSAGE_TOO_LARGE")
    assert dict(refusal.metadata) == {
        "bytes": str(request.ByteSize()),
        "limit": str(GATE_LIMIT_BYTES),
    }


def test_a_message_far_over_the_limit_does_not_reach_the_service(services: BothServices) -> None:
    request = ValidatePolicyRequest(policy_file=b"#" * (2 * GATE_LIMIT_BYTES))
    before = services.contents()
    refusal = refusal_of(services.policies().ValidatePolicy, request)
    # gRPC itself refuses; there is nobody to give a reason.
    assert outcome(refusal) == (EXHAUSTED, "")
    assert services.contents() == before


# --- Once only.


def test_a_request_id_with_other_contents_is_refused(
    services: BothServices, patient: Patient
) -> None:
    stub = services.settlements()
    first = services.settle_request(patient)
    answer = services.settle_raw(first.SerializeToString())
    changed = settlements.SettleBillRequest()
    changed.CopyFrom(first)
    changed.bill.lines[0].quantity = "90.0"
    refusal = refused(services, stub.SettleBill, changed)
    assert outcome(refusal) == (EXISTS, "REQUEST_ID_REUSED")
    assert dict(refusal.metadata) == {"request_id": first.request_id}
    # Another method or another caller under the same id is other contents as well.
    again = services.settlements("other-hospital").SettleBill
    assert outcome(refused(services, again, first)) == (EXISTS, "REQUEST_ID_REUSED")
    reverse = reversal(new_id(), request_id=first.request_id)
    assert outcome(refused(services, stub.ReverseSettlement, reverse)) == (
        EXISTS,
        "REQUEST_ID_REUSED",
    )
    assert services.settle_raw(first.SerializeToString()) == answer


def test_a_bill_number_settles_once_until_it_is_reversed(
    services: BothServices, patient: Patient
) -> None:
    stub = services.settlements()
    first = services.settle_request(patient)
    settled = stub.SettleBill(first, timeout=CALL_SECONDS).settlement
    again = services.settle_request(patient)
    again.bill.bill_number = first.bill.bill_number
    refusal = refused(services, stub.SettleBill, again)
    assert outcome(refusal) == (EXISTS, "BILL_ALREADY_SETTLED")
    assert dict(refusal.metadata) == {"settlement_id": settled.settlement_id}
    stub.ReverseSettlement(reversal(settled.settlement_id), timeout=CALL_SECONDS)
    assert stub.SettleBill(again, timeout=CALL_SECONDS).settlement.settlement_id


def test_a_settlement_is_reversed_once(services: BothServices, patient: Patient) -> None:
    stub = services.settlements()
    request = services.settle_request(patient)
    settled = stub.SettleBill(request, timeout=CALL_SECONDS).settlement
    reverse = reversal(settled.settlement_id)
    undone = stub.ReverseSettlement(reverse, timeout=CALL_SECONDS).settlement
    assert undone.state == SETTLEMENT_STATE_REVERSED
    # A repeat is no second reversal; another request is, whoever sends it.
    assert stub.ReverseSettlement(reverse, timeout=CALL_SECONDS).settlement == undone
    for name in ("hospital", "maker"):
        method = services.settlements(name).ReverseSettlement
        refusal = refused(services, method, reversal(settled.settlement_id))
        assert outcome(refusal) == (FAILED, "SETTLEMENT_REVERSED")
        assert dict(refusal.metadata) == {"reversal_id": undone.reversal_id}
    unknown = refused(services, stub.ReverseSettlement, reversal(new_id()))
    assert outcome(unknown) == (NOT_FOUND, "SETTLEMENT_NOT_FOUND")


def test_a_visit_number_is_registered_once(services: BothServices) -> None:
    stub = services.visits()
    _, certificate_id, _ = services.person()
    first = services.visit_request(services.code(certificate_id, "01103"))
    visit = stub.RegisterVisit(first, timeout=CALL_SECONDS).visit
    again = services.visit_request(
        services.code(certificate_id, "01103"),
        provider_visit_number=first.provider_visit_number,
    )
    refusal = refused(services, stub.RegisterVisit, again)
    assert outcome(refusal) == (EXISTS, "VISIT_EXISTS")
    assert dict(refusal.metadata) == {"visit_id": visit.visit_id}


def test_a_credit_to_nobody_leaves_no_account(services: BothServices) -> None:
    stub = services.accounts()
    person_id = new_id()
    refusal = refused(services, stub.CreditAccount, credit(person_id))
    assert outcome(refusal) == (FAILED, "PERSON_NOT_ENROLLED")
    read = accounts.GetAccountRequest(region=REGION, person_id=person_id)
    assert outcome(refused(services, stub.GetAccount, read)) == (NOT_FOUND, "ACCOUNT_NOT_FOUND")
