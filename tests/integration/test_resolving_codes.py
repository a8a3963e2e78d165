"""CredentialService through the real services: a code is resolved, and its token taken."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    OTHER_REGION,
    SETTLE,
    BothServices,
    Patient,
    outcome,
    refusal_of,
    refused,
)
from support.databases import as_owner
from support.settlement_world import PHARMACY_WITHOUT_ECERT, REGION
from support.threads import wait_until

from yibao.identity.v1 import person_service_pb2 as persons
from yibao.settlement.v1 import credential_service_pb2 as pb
from yibao.settlement.v1.credential_service_pb2_grpc import CredentialServiceStub
from yibao.settlement.v1.hold_service_pb2 import HoldBillRequest
from yibao.settlement.v1.hold_service_pb2_grpc import HoldServiceStub
from yibao.settlement.v1.settlement_service_pb2 import SettleBillRequest, SubmitBillsRequest
from yibao.settlement.v1.visit_pb2 import Presentation
from yibao_common.rpc.wire import from_instant, to_instant
from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.token import hash_of, token_of
from yibao_settlement.storage import tables

DENIED, FAILED = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION
INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
REGISTER = "01101"


def stub(services: BothServices, name: str = "hospital") -> CredentialServiceStub:
    return CredentialServiceStub(services.channel("settlement", name))


def resolving(
    services: BothServices, qr_text: str, audience: str = SETTLE, **changes: Any
) -> pb.ResolveCredentialRequest:
    values: dict[str, Any] = {
        "request_id": new_id(),
        "presentation": services.presentation(qr_text),
        "audience": audience,
    }
    return pb.ResolveCredentialRequest(**{**values, **changes})


def resolve(
    services: BothServices, certificate_id: str, audience: str = SETTLE, name: str = "hospital"
) -> pb.ResolveCredentialResponse:
    request = resolving(services, services.code(certificate_id, audience), audience)
    answer: pb.ResolveCredentialResponse = stub(services, name).ResolveCredential(
        request, timeout=CALL_SECONDS
    )
    return answer


def shown(token: str, terminal_id: str = "T7") -> Presentation:
    return Presentation(credential_token=token, terminal_id=terminal_id)


def settling(services: BothServices, patient: Patient, token: str) -> SettleBillRequest:
    return SettleBillRequest(
        request_id=new_id(),
        region=REGION,
        presentation=shown(token),
        bill=services.bill(patient.visit_id),
    )


def test_one_scan_registers_and_one_settles(services: BothServices) -> None:
    """The way of a system whose fields hold no code, from the counter to the receipt."""
    person_id, certificate_id, _ = services.person()
    admitted = resolve(services, certificate_id, ADMISSION)
    assert (admitted.region, admitted.person_id) == (REGION, person_id)
    assert (admitted.person_name_masked, admitted.gender in (1, 2)) == ("欧***", True)
    assert [each.is_paying for each in admitted.enrolments] == [True]
    assert len(admitted.credential_token) == 39
    life = to_instant(admitted.token_expire_time) - services.clock()
    assert dt.timedelta(minutes=4) < life <= dt.timedelta(minutes=5)
    request = services.visit_request("")
    request.presentation.CopyFrom(shown(admitted.credential_token))
    visit = services.visits().RegisterVisit(request, timeout=CALL_SECONDS).visit
    assert visit.person_id == person_id
    patient = Patient(person_id, certificate_id, "", visit.visit_id)
    paid = settling(services, patient, resolve(services, certificate_id).credential_token)
    raw = services.settle_raw(paid.SerializeToString())
    assert services.settle_raw(paid.SerializeToString()) == raw
    assert check_ledger(services.database).drifts == []


def test_a_repeat_is_answered_byte_for_byte_and_nothing_stored_tells_the_token(
    services: BothServices, patient: Patient
) -> None:
    request = resolving(services, services.code(patient.certificate_id))
    path = "/yibao.settlement.v1.CredentialService/ResolveCredential"

    def call(name: str) -> bytes:
        raw = services.channel("settlement", name).unary_unary(
            path, request_serializer=bytes, response_deserializer=bytes
        )
        answer: bytes = raw(request.SerializeToString(), timeout=CALL_SECONDS)
        return answer

    first = call("hospital")
    before = services.contents()
    services.clock.advance(minutes=11)
    # Also a terminal's, and when the code could not be presented any more.
    assert (call("hospital"), call("hospital-terminal")) == (first, first)
    assert services.contents() == before
    token = pb.ResolveCredentialResponse.FromString(first).credential_token
    assert len([row for row in before["credential_token"] if hash_of(token) in row]) == 1
    everything = repr(before)
    assert token not in everything
    assert token[11:37] not in everything
    assert request.presentation.qr_text not in everything
    # Nor does the log, which tells no name either.
    logged = services.lines.getvalue()
    assert token not in logged
    assert "欧***" not in logged


def _malformed(services: BothServices, patient: Patient, token: str) -> str:
    return token[:-1] + ("1" if token[-1] != "1" else "2")


def _of_nobody(services: BothServices, patient: Patient, token: str) -> str:
    return token_of(REGION, seed=bytes(16), contents=b"nobody's")


def _of_another_region(services: BothServices, patient: Patient, token: str) -> str:
    return token_of(OTHER_REGION, seed=bytes(16), contents=b"elsewhere")


def _of_another_institution(services: BothServices, patient: Patient, token: str) -> str:
    return resolve(services, patient.certificate_id, name="other-hospital").credential_token


def _of_another_use(services: BothServices, patient: Patient, token: str) -> str:
    return resolve(services, patient.certificate_id, REGISTER).credential_token


def _of_another_person(services: BothServices, patient: Patient, token: str) -> str:
    return resolve(services, services.patient().certificate_id).credential_token


def _expired(services: BothServices, patient: Patient, token: str) -> str:
    services.clock.advance(minutes=5)
    return token


def _superseded(services: BothServices, patient: Patient, token: str) -> str:
    services.code(patient.certificate_id)
    resolve(services, patient.certificate_id)
    return token


def _used(services: BothServices, patient: Patient, token: str) -> str:
    services.settlements().SettleBill(settling(services, patient, token), timeout=CALL_SECONDS)
    return token


def _taken_away(services: BothServices, patient: Patient, token: str) -> str:
    with as_owner(services.database) as connection:
        table = tables.credential_token
        connection.execute(sa.delete(table).where(table.c.token_hash == hash_of(token)))
    return token


@pytest.mark.parametrize(
    ("make", "code", "reason"),
    [
        (_malformed, INVALID, "TOKEN_MALFORMED"),
        (_of_nobody, NOT_FOUND, "TOKEN_NOT_FOUND"),
        (_of_another_region, FAILED, "TOKEN_OTHER_REGION"),
        (_of_another_institution, NOT_FOUND, "TOKEN_NOT_FOUND"),
        (_of_another_use, FAILED, "TOKEN_WRONG_AUDIENCE"),
        (_of_another_person, DENIED, "NOT_CARDHOLDER"),
        (_expired, FAILED, "TOKEN_EXPIRED"),
        (_superseded, FAILED, "QR_SUPERSEDED"),
        (_used, FAILED, "TOKEN_ALREADY_USED"),
        (_taken_away, NOT_FOUND, "TOKEN_NOT_FOUND"),
    ],
)
def test_a_token_that_must_not_pay_is_refused_and_nothing_is_stored(
    services: BothServices,
    patient: Patient,
    make: Callable[[BothServices, Patient, str], str],
    code: grpc.StatusCode,
    reason: str,
) -> None:
    token = resolve(services, patient.certificate_id).credential_token
    token = make(services, patient, token)
    request = settling(services, patient, token)
    assert outcome(refused(services, services.settlements().SettleBill, request)) == (code, reason)
    held = HoldBillRequest(
        request_id=new_id(), region=REGION, presentation=shown(token), bill=request.bill
    )
    holds = HoldServiceStub(services.channel("settlement", "hospital"))
    assert outcome(refused(services, holds.HoldBill, held)) == (code, reason)
    items = SubmitBillsRequest(items=[request])
    answer = services.settlements().SubmitBills(items, timeout=CALL_SECONDS)
    assert answer.results[0].error.reason == f"ERROR_REASON_{reason}"


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "MT1-",
        "M" * 50,
        "MT1-999019-" + "0" * 28,
        "mt1-999019-" + "0" * 28,
        "医保码" * 10,
        "MT1-999019-９GQ4V0X7B2KJ5N8R1T3W6Y0ZCDPH",
        "' OR 1=1 --",
        "%s%n%x{}",
        "MI1-RRQT 9P60GO03+O8TLY/O-ZR8CK9Z6",
    ],
)
def test_what_is_no_token_is_refused_as_such_by_all_that_take_one(
    services: BothServices, patient: Patient, token: str
) -> None:
    visit = services.visit_request("")
    visit.presentation.CopyFrom(shown(token))
    for method, request in (
        (services.settlements().SettleBill, settling(services, patient, token)),
        (services.visits().RegisterVisit, visit),
    ):
        told = refusal_of(method, request)
        assert outcome(told) == (INVALID, "TOKEN_MALFORMED")
        assert token not in told.message or token == "x"


@pytest.mark.parametrize(
    ("token", "reason"), [("M" * 51, "FIELD_LENGTH"), ("MT1-\u200b", "FIELD_MALFORMED")]
)
def test_what_no_field_holds_is_refused_before(
    services: BothServices, patient: Patient, token: str, reason: str
) -> None:
    told = refusal_of(services.settlements().SettleBill, settling(services, patient, token))
    assert outcome(told) == (INVALID, reason)


def test_a_scanners_line_end_is_no_part_of_a_token(
    services: BothServices, patient: Patient
) -> None:
    token = resolve(services, patient.certificate_id).credential_token
    request = settling(services, patient, f" {token}\r\n")
    services.settlements().SettleBill(request, timeout=CALL_SECONDS)


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({}, {"qr_text": "FIELD_REQUIRED", "scan_time": "FIELD_REQUIRED"}),
        ({"qr_text": "MI1-X"}, {"scan_time": "FIELD_REQUIRED"}),
        (
            {"qr_text": "MI1-X", "credential_token": "MT1-X"},
            {"credential_token": "FIELD_OUT_OF_RANGE"},
        ),
    ],
)
def test_one_of_code_and_token_is_given(
    services: BothServices, patient: Patient, change: dict[str, Any], faults: dict[str, str]
) -> None:
    request = settling(services, patient, "")
    request.presentation.CopyFrom(Presentation(terminal_id="T1", **change))
    told = refused(services, services.settlements().SettleBill, request)
    assert told.code is INVALID
    assert {each.field: each.reason for each in told.field_faults} == {
        f"presentation.{field}": f"ERROR_REASON_{reason}" for field, reason in faults.items()
    }


def test_a_terminal_uses_a_token_as_itself(services: BothServices, patient: Patient) -> None:
    token = resolve(services, patient.certificate_id, name="hospital-terminal").credential_token
    request = settling(services, patient, token)
    stub = services.settlements("hospital-terminal")
    told = refused(services, stub.SettleBill, request)
    assert outcome(told) == (DENIED, "OUT_OF_SCOPE")
    request.presentation.terminal_id = "T1"
    assert stub.SettleBill(request, timeout=CALL_SECONDS).settlement.settlement_id


def test_a_scan_time_beside_a_token_is_not_looked_at(
    services: BothServices, patient: Patient
) -> None:
    token = resolve(services, patient.certificate_id).credential_token
    request = settling(services, patient, token)
    long_ago = services.clock() - dt.timedelta(hours=2)
    request.presentation.scan_time.CopyFrom(from_instant(long_ago))
    services.settlements().SettleBill(request, timeout=CALL_SECONDS)


def test_who_may_resolve_and_what(services: BothServices, patient: Patient) -> None:
    code = services.code(patient.certificate_id)
    request = resolving(services, code)
    for name, told in (
        ("maker", (DENIED, "CALLER_NOT_ALLOWED")),
        ("settlement-server", (DENIED, "CALLER_NOT_ALLOWED")),
        ("stranger", (FAILED, "INSTITUTION_NOT_DESIGNATED")),
        ("elsewhere", (FAILED, "OFFSITE_NOT_REGISTERED")),
    ):
        refusal = refused(services, stub(services, name).ResolveCredential, request)
        assert outcome(refusal) == told, name
    own = stub(services)
    for changes, reason in (
        ({"audience": "02121"}, "FIELD_OUT_OF_RANGE"),
        ({"audience": "01204"}, "FIELD_OUT_OF_RANGE"),
        ({"audience": ""}, "FIELD_REQUIRED"),
        ({"request_id": ""}, "FIELD_REQUIRED"),
        ({"presentation": shown("MT1-X")}, "FIELD_OUT_OF_RANGE"),
    ):
        refusal = refused(services, own.ResolveCredential, resolving(services, code, **changes))
        assert outcome(refusal) == (INVALID, reason), changes
    refusal = refused(services, own.ResolveCredential, resolving(services, code, REGISTER))
    assert outcome(refusal) == (FAILED, "QR_WRONG_AUDIENCE")
    assert own.ResolveCredential(request, timeout=CALL_SECONDS).person_id == patient.person_id
    again = refused(services, own.ResolveCredential, resolving(services, code))
    assert outcome(again) == (FAILED, "QR_ALREADY_USED")
    changed = pb.ResolveCredentialRequest()
    changed.CopyFrom(request)
    changed.presentation.terminal_id = "T2"
    reused = refused(services, own.ResolveCredential, changed)
    assert outcome(reused) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


def test_a_pharmacy_resolves_codes_of_its_business(services: BothServices) -> None:
    _, certificate_id, _ = services.person()
    request = resolving(services, services.code(certificate_id, "02121"), "02121")
    told = refused(services, stub(services, "pharmacy").ResolveCredential, request)
    # It takes cards alone; and a hospital's business is not its own.
    assert outcome(told) == (FAILED, "INSTITUTION_NO_ECERT")
    request = resolving(services, services.code(certificate_id), SETTLE)
    told = refused(services, stub(services, "pharmacy").ResolveCredential, request)
    assert outcome(told) == (INVALID, "FIELD_OUT_OF_RANGE")
    assert PHARMACY_WITHOUT_ECERT.startswith("P")


def test_the_region_comes_from_the_code_and_has_to_be_served(
    services: BothServices, patient: Patient
) -> None:
    _, certificate_id, _ = services.person(OTHER_REGION)
    request = resolving(services, services.code(certificate_id, region=OTHER_REGION))
    told = refused(services, stub(services).ResolveCredential, request)
    assert outcome(told) == (FAILED, "REGION_NOT_SERVED")
    assert told.metadata == {"issuer": OTHER_REGION}
    # Who says to be of the region is not believed.
    forged = services.sign(Ed25519PrivateKey.generate(), patient.subject)
    told = refused(services, stub(services).ResolveCredential, resolving(services, forged))
    assert outcome(told) == (FAILED, "QR_UNKNOWN_KEY")
    for text in ("MI1-", "MI2-XX", "SF1234567890", request.presentation.qr_text[:-3], "医保"):
        told = refused(services, stub(services).ResolveCredential, resolving(services, text))
        assert outcome(told) == (INVALID, "QR_MALFORMED"), text


def test_a_code_that_is_too_old_or_of_a_wrong_clock_is_not_resolved(
    services: BothServices, patient: Patient
) -> None:
    request = resolving(services, services.code(patient.certificate_id))
    services.clock.advance(minutes=10, seconds=1)
    told = refused(services, stub(services).ResolveCredential, request)
    assert outcome(told) == (FAILED, "CLOCK_SUSPECT")
    request.presentation.scan_time.CopyFrom(from_instant(services.clock()))
    told = refused(services, stub(services).ResolveCredential, request)
    assert outcome(told) == (FAILED, "QR_EXPIRED")


def test_a_corrected_name_is_told_from_then_on(services: BothServices) -> None:
    person_id, certificate_id, _ = services.person()
    rename = persons.UpdatePersonRequest(
        request_id=new_id(),
        region=REGION,
        person_id=person_id,
        person_name="司马小明",
        explanation="录入有误",
    )
    services.persons().UpdatePerson(rename, timeout=CALL_SECONDS)
    services.wait_until_told()
    assert resolve(services, certificate_id).person_name_masked == "司***"


def test_who_was_enrolled_just_now_is_resolved(services: BothServices) -> None:
    """Settlement asks identity for news before it says that nobody is known.

    Where identity does not answer at once, as on a busy machine, the refusal says to repeat.
    """
    person_id, certificate_id, _ = services.person(is_waited_for=False)
    request = resolving(services, services.code(certificate_id, SETTLE))
    told: list[pb.ResolveCredentialResponse] = []

    def is_resolved() -> bool:
        try:
            told.append(stub(services).ResolveCredential(request, timeout=CALL_SECONDS))
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        return bool(told)

    wait_until(is_resolved, seconds=CALL_SECONDS)
    assert told[0].person_id == person_id
