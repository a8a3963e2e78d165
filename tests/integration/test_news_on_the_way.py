"""Somebody was enrolled just now, and identity does not answer settlement."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    BothServices,
    Patient,
    both_services,
    outcome,
    refusal_of,
    refused,
)
from support.databases import SqliteDatabases
from support.faulty_network import Relay
from support.identity_world import activation
from support.settlement_world import REGION
from support.threads import wait_until

from yibao.identity.v1 import enrolment_messages_pb2 as enrolments
from yibao.identity.v1 import person_pb2
from yibao.identity.v1.certificate_service_pb2 import CloseCertificateRequest
from yibao.settlement.v1 import account_service_pb2 as accounts
from yibao.settlement.v1.hold_service_pb2 import HoldBillRequest
from yibao.settlement.v1.hold_service_pb2_grpc import HoldServiceStub
from yibao.settlement.v1.settlement_service_pb2 import (
    SettleBillRequest,
    SubmitBillsRequest,
    TrialBillRequest,
)
from yibao_common.rpc import news
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import InvariantError
from yibao_common.values.ids import new_id
from yibao_settlement.application.feed import Applied, Feed

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
_NEWS_IS_BACK_SECONDS = 5.0


@pytest.fixture
def services(tmp_path: Path, relays: list[Relay]) -> Iterator[BothServices]:
    """Runs both services with a relay between them."""

    def reach(port: int) -> int:
        relays.append(Relay(port))
        return relays[0].port

    databases = SqliteDatabases(tmp_path)
    with both_services(tmp_path / "files", databases, reach=reach) as running:
        yield running
    databases.close()


def test_registrations_are_told_to_try_again_and_go_through_once_identity_answers(
    services: BothServices, relays: list[Relay]
) -> None:
    services.person()
    relays[0].shut()
    _, certificate_id, _ = services.person(is_waited_for=False)
    requests = [services.visit_request(services.code(certificate_id, ADMISSION)) for _ in "12345"]
    stub = services.visits()
    with futures.ThreadPoolExecutor(len(requests)) as threads:
        refusals = list(
            threads.map(lambda request: refusal_of(stub.RegisterVisit, request), requests)
        )
    assert {outcome(each) for each in refusals} == {(UNAVAILABLE, "ENROLMENT_UNCONFIRMED")}
    assert refusals[0].metadata["reason_so_far"] == "ERROR_REASON_PERSON_NOT_ENROLLED"
    relays[0].close_connections()
    services.wait_until_told()
    assert stub.RegisterVisit(requests[-1], timeout=CALL_SECONDS).visit.visit_id


def test_a_credit_of_somebody_unknown_so_far_is_told_to_try_again(
    services: BothServices, relays: list[Relay]
) -> None:
    services.person()
    relays[0].shut()
    person_id, _, _ = services.person(is_waited_for=False)
    request = accounts.CreditAccountRequest(
        request_id=new_id(),
        region=REGION,
        person_id=person_id,
        amount_fen=1_000,
        source=accounts.CREDIT_SOURCE_ALLOCATION,
    )
    stub = services.accounts()
    told = refused(services, stub.CreditAccount, request)
    assert outcome(told) == (UNAVAILABLE, "ENROLMENT_UNCONFIRMED")
    relays[0].close_connections()
    # News is back at most five seconds after the connection is; a call waits for one of them.
    ends = time.monotonic() + _NEWS_IS_BACK_SECONDS
    while True:
        try:
            credited = stub.CreditAccount(request, timeout=CALL_SECONDS)
            break
        except grpc.RpcError as error:
            if error.code() is not UNAVAILABLE or time.monotonic() >= ends:
                raise
    assert credited.account.balance_fen == 1_000


def test_a_feed_that_cannot_be_applied_makes_no_registration_a_fault_of_ours(
    services: BothServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.person()

    def stop(*_: object) -> Applied:
        raise InvariantError("merged into each other")

    monkeypatch.setattr(Feed, "apply", stop)
    _, certificate_id, _ = services.person(is_waited_for=False)
    request = services.visit_request(services.code(certificate_id, ADMISSION))
    told = refused(services, services.visits().RegisterVisit, request)
    assert outcome(told) == (UNAVAILABLE, "ENROLMENT_UNCONFIRMED")
    # What fails is told once it has failed, which a call waits for no longer than a second.
    wait_until(lambda: bool(services.logged("identity gives no news")))
    assert not services.logged("unexpected")
    monkeypatch.undo()
    services.wait_until_told()
    assert services.visits().RegisterVisit(request, timeout=CALL_SECONDS).visit.visit_id


def renewed(services: BothServices, patient: Patient) -> Patient:
    """Gives a patient another e-certificate, of which settlement may not know yet."""
    request = CloseCertificateRequest(
        request_id=new_id(), region=REGION, certificate_id=patient.certificate_id
    )
    services.certificates().CloseCertificate(request, timeout=CALL_SECONDS)
    asked = activation(patient.person_id, region=REGION)
    made = services.certificates().ActivateCertificate(asked, timeout=CALL_SECONDS).certificate
    return replace(patient, certificate_id=made.certificate_id, subject=made.subject)


def test_bills_are_paid_by_a_certificate_of_a_moment_ago(
    services: BothServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However busy the machine is: how long a call waits at most is another test's.
    monkeypatch.setattr(news, "_MOST_WAIT_SECONDS", CALL_SECONDS / 2)
    for _ in range(3):
        patient = renewed(services, services.patient())
        request = services.settle_request(patient)
        told = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
        assert told.person_id == patient.person_id


def test_bills_are_told_to_try_again_while_identity_does_not_answer(
    services: BothServices, relays: list[Relay]
) -> None:
    """At once, in bulk, and held alike."""
    patients = [services.patient() for _ in range(3)]
    relays[0].shut()
    patients = [renewed(services, each) for each in patients]
    bill, item, held = (services.settle_request(each) for each in patients)
    stub, unconfirmed = services.settlements(), (UNAVAILABLE, "ENROLMENT_UNCONFIRMED")
    told = refusal_of(stub.SettleBill, bill)
    assert outcome(told) == unconfirmed
    assert told.metadata["reason_so_far"] == "ERROR_REASON_NOT_CARDHOLDER"
    (result,) = stub.SubmitBills(SubmitBillsRequest(items=[item]), timeout=CALL_SECONDS).results
    assert result.error.reason == "ERROR_REASON_ENROLMENT_UNCONFIRMED"
    hold = HoldBillRequest(
        request_id=new_id(),
        region=REGION,
        presentation=held.presentation,
        bill=held.bill,
    )
    holds = HoldServiceStub(services.channel("settlement", "hospital"))
    assert outcome(refusal_of(holds.HoldBill, hold)) == unconfirmed
    relays[0].close_connections()
    services.wait_until_told()
    assert stub.SettleBill(bill, timeout=CALL_SECONDS).settlement.settlement_id


def bulk_reasons(services: BothServices, items: Sequence[SettleBillRequest]) -> list[str]:
    """Settles bills in one call, and returns why each was refused, "" where it was not."""
    sent = SubmitBillsRequest(items=items)
    results = services.settlements().SubmitBills(sent, timeout=CALL_SECONDS).results
    return [each.error.reason.removeprefix("ERROR_REASON_") for each in results]


def test_bills_in_bulk_are_paid_by_certificates_of_a_moment_ago(
    services: BothServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "_MOST_WAIT_SECONDS", CALL_SECONDS / 2)
    known, late, other = (services.patient() for _ in range(3))
    apply, may_apply = Feed.apply, threading.Event()

    def apply_later(*arguments: Any) -> Applied:
        assert may_apply.wait(CALL_SECONDS)
        return apply(*arguments)

    items = [services.settle_request(known)]
    monkeypatch.setattr(Feed, "apply", apply_later)
    items += [services.settle_request(renewed(services, each)) for each in (late, other)]
    with futures.ThreadPoolExecutor(1) as threads:
        told = threads.submit(bulk_reasons, services, items)
        with pytest.raises(futures.TimeoutError):
            told.result(0.5)
        may_apply.set()
        assert told.result(CALL_SECONDS) == ["", "", ""]


def change_status(
    services: BothServices, patient: Patient, status: "person_pb2.EnrolmentStatus.ValueType"
) -> None:
    """Changes a patient's enrolment from today on."""
    persons = services.persons()
    question = enrolments.ListEnrolmentsRequest(region=REGION, person_id=patient.person_id)
    period = persons.ListEnrolments(question, timeout=CALL_SECONDS).enrolments[-1]
    terms = enrolments.EnrolmentTerms(person_class=period.person_class, status=status)
    change = enrolments.ChangeEnrolmentRequest(
        request_id=new_id(),
        region=REGION,
        person_id=patient.person_id,
        enrolment_id=period.enrolment_id,
        terms=terms,
        effective_date=from_date(shanghai_day(services.clock())),
        explanation="dues",
    )
    persons.ChangeEnrolment(change, timeout=CALL_SECONDS)


def test_who_pays_dues_again_is_told_to_try_again_on_every_way_to_a_bill(
    services: BothServices, relays: list[Relay]
) -> None:
    """Tried, settled, and in bulk alike: what is missing may have come a moment ago."""
    patient = services.patient()
    change_status(services, patient, person_pb2.ENROLMENT_STATUS_SUSPENDED)
    services.wait_until_told()
    bill = services.bill(patient.visit_id)
    trial = TrialBillRequest(region=REGION, bill=bill)
    stub = services.settlements()

    def ways() -> list[str]:
        def told(method: Callable[..., object], request: object) -> str:
            return outcome(refused(services, method, request))[1]

        tried = told(stub.TrialBill, trial)
        settled = told(stub.SettleBill, services.settle_request(patient))
        return [tried, settled, *bulk_reasons(services, [services.settle_request(patient)])]

    assert ways() == ["PERSON_NOT_ENROLLED"] * 3
    relays[0].shut()
    change_status(services, patient, person_pb2.ENROLMENT_STATUS_NORMAL)
    assert ways() == ["ENROLMENT_UNCONFIRMED"] * 3
    relays[0].close_connections()
    services.wait_until_told()
    assert stub.TrialBill(trial, timeout=CALL_SECONDS).settlement.lines
    assert bulk_reasons(services, [services.settle_request(patient)]) == [""]
