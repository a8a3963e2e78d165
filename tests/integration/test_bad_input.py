"""What is wrong with a bill is told with its own reason, and nothing of it is stored.

Over real gRPC with mutual TLS, on both databases. After every refusal the whole database
is compared with what it was, and the same code and request id then settle the good bill.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    OTHER_REGION,
    BothServices,
    Patient,
    outcome,
    refused,
)
from support.identity_world import citizen_number, registration
from support.settlement_world import REGION

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1.bill_pb2 import ACCOUNT_USE_UNSPECIFIED
from yibao.settlement.v1.settlement_service_pb2 import SettleBillRequest, TrialBillRequest
from yibao_common.ids import new_id
from yibao_common.wire import from_instant

INVALID = grpc.StatusCode.INVALID_ARGUMENT
FAILED = grpc.StatusCode.FAILED_PRECONDITION
DENIED = grpc.StatusCode.PERMISSION_DENIED
EXISTS = grpc.StatusCode.ALREADY_EXISTS
NOT_FOUND = grpc.StatusCode.NOT_FOUND


# --- The bill and the form of the request.


def line(request: SettleBillRequest, index: int = 0, **fields: object) -> None:
    """Changes a line of a request."""
    for name, value in fields.items():
        setattr(request.bill.lines[index], name, value)


@dataclass(frozen=True)
class Spoilt:
    """A good request with something wrong: the reason, and the faulty fields."""

    name: str
    spoil: Callable[[SettleBillRequest], object]
    reason: str
    fields: tuple[str, ...] = ()
    code: grpc.StatusCode = INVALID


def _not_summing(request: SettleBillRequest) -> None:
    request.bill.total_fen += 1


def _wrong_amount(request: SettleBillRequest) -> None:
    line(request, amount_fen=900_001)
    request.bill.total_fen += 1


def _repeated_number(request: SettleBillRequest) -> None:
    line(request, 1, line_number=1)


def _several(request: SettleBillRequest) -> None:
    line(request, 0, unit_price="-100.00")
    line(request, 1, quantity="10.00001")
    line(request, 2, item_code="甲")
    request.ClearField("request_id")


def _several_rules(request: SettleBillRequest) -> None:
    line(request, 0, item_code="NOPE")
    line(request, 1, amount_fen=1)
    line(request, 2, line_number=1)


def _tomorrow(request: SettleBillRequest) -> None:
    day = request.bill.service_date
    following = dt.date(day.year, day.month, day.day) + dt.timedelta(days=1)
    day.CopyFrom(Date(year=following.year, month=following.month, day=following.day))


def _yesterday(request: SettleBillRequest) -> None:
    day = request.bill.service_date
    before = dt.date(day.year, day.month, day.day) - dt.timedelta(days=1)
    day.CopyFrom(Date(year=before.year, month=before.month, day=before.day))


SPOILT = (
    Spoilt(
        "an item that is in no catalogue",
        lambda request: line(request, item_code="NOPE"),
        "CATALOGUE_ITEM_UNKNOWN",
        ("bill.lines[0].item_code",),
    ),
    Spoilt(
        "an item that has left the catalogue",
        lambda request: line(request, 1, item_code="OLD"),
        "CATALOGUE_ITEM_UNKNOWN",
        ("bill.lines[1].item_code",),
    ),
    Spoilt("lines that do not sum", _not_summing, "BILL_TOTAL_MISMATCH", ("bill.total_fen",)),
    Spoilt(
        "an amount that is not price times quantity",
        _wrong_amount,
        "LINE_AMOUNT_MISMATCH",
        ("bill.lines[0].amount_fen",),
    ),
    Spoilt(
        "a line number twice",
        _repeated_number,
        "LINE_NUMBER_REPEATED",
        ("bill.lines[1].line_number",),
    ),
    Spoilt(
        "a negative price",
        lambda request: line(request, unit_price="-100.00"),
        "DECIMAL_NEGATIVE",
        ("bill.lines[0].unit_price",),
    ),
    Spoilt(
        "a negative quantity",
        lambda request: line(request, quantity="-1"),
        "DECIMAL_NEGATIVE",
        ("bill.lines[0].quantity",),
    ),
    Spoilt(
        "a quantity of five decimals",
        lambda request: line(request, quantity="90.00000"),
        "DECIMAL_TOO_PRECISE",
        ("bill.lines[0].quantity",),
    ),
    Spoilt(
        "a price of seven decimals",
        lambda request: line(request, unit_price="100.0000000"),
        "DECIMAL_TOO_PRECISE",
        ("bill.lines[0].unit_price",),
    ),
    Spoilt(
        "a quantity of nothing",
        lambda request: line(request, quantity="0.0"),
        "FIELD_OUT_OF_RANGE",
        ("bill.lines[0].quantity",),
    ),
    Spoilt(
        "a price in scientific notation",
        lambda request: line(request, unit_price="1e2"),
        "FIELD_MALFORMED",
        ("bill.lines[0].unit_price",),
    ),
    Spoilt(
        "several faults of form",
        _several,
        "FIELDS_INVALID",
        (
            "request_id",
            "bill.lines[0].unit_price",
            "bill.lines[1].quantity",
            "bill.lines[2].item_code",
        ),
    ),
    Spoilt(
        "several faults of the bill",
        _several_rules,
        "FIELDS_INVALID",
        (
            "bill.lines[0].item_code",
            "bill.lines[1].amount_fen",
            "bill.lines[2].line_number",
            "bill.total_fen",
        ),
    ),
    Spoilt(
        "no request_id",
        lambda request: request.ClearField("request_id"),
        "FIELD_REQUIRED",
        ("request_id",),
    ),
    Spoilt(
        "a request_id that is no UUID",
        lambda request: setattr(request, "request_id", "1"),
        "FIELD_MALFORMED",
        ("request_id",),
    ),
    Spoilt(
        "no bill",
        lambda request: request.ClearField("bill"),
        "FIELD_REQUIRED",
        ("bill",),
    ),
    Spoilt(
        "no lines",
        lambda request: request.bill.ClearField("lines"),
        "FIELD_LENGTH",
        ("bill.lines",),
    ),
    Spoilt(
        "no word on the account",
        lambda request: setattr(request.bill, "account_use", ACCOUNT_USE_UNSPECIFIED),
        "FIELD_REQUIRED",
        ("bill.account_use",),
    ),
    Spoilt(
        "a day that does not exist",
        lambda request: request.bill.service_date.CopyFrom(Date(year=2026, month=2, day=30)),
        "DATE_INVALID",
        ("bill.service_date",),
    ),
    Spoilt("a bill of tomorrow", _tomorrow, "SERVICE_DATE_INVALID"),
    Spoilt("a bill from before the visit", _yesterday, "SERVICE_DATE_INVALID"),
    Spoilt(
        "a visit that nobody registered",
        lambda request: setattr(request.bill, "visit_id", new_id()),
        "VISIT_NOT_FOUND",
        code=NOT_FOUND,
    ),
)


@pytest.mark.parametrize("case", SPOILT, ids=lambda case: case.name)
def test_a_spoilt_bill_is_refused_stores_nothing_and_settles_once_put_right(
    services: BothServices, patient: Patient, case: Spoilt
) -> None:
    good = services.settle_request(patient)
    spoilt = SettleBillRequest()
    spoilt.CopyFrom(good)
    case.spoil(spoilt)
    stub = services.settlements()
    refusal = refused(services, stub.SettleBill, spoilt)
    assert outcome(refusal) == (case.code, case.reason)
    assert {fault.field for fault in refusal.field_faults} == set(case.fields)
    for fault in refusal.field_faults:
        assert fault.reason.startswith("ERROR_REASON_")
        assert fault.message
        assert fault.message_zh
    # Neither the code nor the request id was used up.
    assert stub.SettleBill(good, timeout=CALL_SECONDS).settlement.settlement_id


@pytest.mark.parametrize("case", SPOILT[:6], ids=lambda case: case.name)
def test_a_trial_refuses_what_settling_would(
    services: BothServices, patient: Patient, case: Spoilt
) -> None:
    request = services.settle_request(patient)
    case.spoil(request)
    trial = TrialBillRequest(region=REGION, bill=request.bill)
    stub = services.settlements()
    refusal = refused(services, stub.TrialBill, trial)
    assert outcome(refusal) == (case.code, case.reason)
    assert {fault.field for fault in refusal.field_faults} == set(case.fields)


@pytest.mark.parametrize(
    ("facts", "reason", "metadata"),
    [
        ({"person_class": "15"}, "POLICY_NO_MATCHING_ROW", {"step_id": "P1"}),
        ({"insurance_type": "310"}, "POLICY_NOT_FOUND", {"insurance_type": "310"}),
    ],
)
def test_a_person_whom_no_policy_knows_gets_no_guess(
    services: BothServices, facts: dict[str, str], reason: str, metadata: dict[str, str]
) -> None:
    request = services.settle_request(services.patient(**facts))
    stub = services.settlements()
    refusal = refused(services, stub.SettleBill, request)
    assert outcome(refusal) == (FAILED, reason)
    assert metadata.items() <= dict(refusal.metadata).items()


def test_a_wrong_check_digit_registers_nobody(services: BothServices) -> None:
    number = citizen_number(77)
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    request = registration(wrong, region=REGION)
    before = services.identity_contents()
    stub = services.persons()
    refusal = refused(services, stub.RegisterPerson, request)
    assert outcome(refusal) == (INVALID, "CITIZEN_NUMBER_INVALID")
    assert [fault.field for fault in refusal.field_faults] == ["certificate_number"]
    assert wrong not in refusal.message
    assert services.identity_contents() == before


# --- The code.


@dataclass(frozen=True)
class BadCode:
    """A presentation that must not pay; `make` spoils a request that would."""

    name: str
    make: Callable[[BothServices, Patient, SettleBillRequest], object]
    reason: str
    code: grpc.StatusCode = FAILED
    metadata: dict[str, str] = field(default_factory=dict)


def _show(request: SettleBillRequest, qr_text: str) -> None:
    request.presentation.qr_text = qr_text


_BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def _flip(text: str, index: int) -> str:
    """Returns the text with the character at `index` replaced by its neighbour."""
    place = _BASE45.index(text[index])
    neighbour = _BASE45[place - 1 if place else 1]
    return text[:index] + neighbour + text[index + 1 :]


def _tampered_signature(
    services: BothServices, patient: Patient, request: SettleBillRequest
) -> None:
    text = request.presentation.qr_text
    # The signature ends the code. Three characters stand for two bytes, least first, so
    # the first of a triple moves its bytes by one and they stay two bytes.
    _show(request, _flip(text, len("MI1-") + (len(text) - len("MI1-")) // 3 * 3 - 9))


def _tampered_claims(services: BothServices, patient: Patient, request: SettleBillRequest) -> None:
    text = request.presentation.qr_text
    # In the middle of the payload stands the subject: the code of somebody else.
    _show(request, _flip(text, len("MI1-") + 48))


def _of_another_person(
    services: BothServices, patient: Patient, request: SettleBillRequest
) -> None:
    _show(request, services.code(services.patient().certificate_id))


def _of_another_region(
    services: BothServices, patient: Patient, request: SettleBillRequest
) -> None:
    _, certificate_id, _ = services.person(OTHER_REGION)
    _show(request, services.code(certificate_id, region=OTHER_REGION))


def _of_another_key(services: BothServices, patient: Patient, request: SettleBillRequest) -> None:
    _show(request, services.sign(Ed25519PrivateKey.generate(), patient.subject))


def _for_another_use(services: BothServices, patient: Patient, request: SettleBillRequest) -> None:
    _show(request, services.code(patient.certificate_id, ADMISSION))


def _expired(services: BothServices, patient: Patient, request: SettleBillRequest) -> None:
    # A minute and the leeway of five seconds.
    services.clock.advance(seconds=66)
    request.presentation.scan_time.CopyFrom(from_instant(services.clock()))


def _too_early(services: BothServices, patient: Patient, request: SettleBillRequest) -> None:
    scan = services.clock() - dt.timedelta(seconds=20)
    request.presentation.scan_time.CopyFrom(from_instant(scan))


def _long_ago(services: BothServices, patient: Patient, request: SettleBillRequest) -> None:
    services.clock.advance(minutes=10, seconds=1)


def _ahead(services: BothServices, patient: Patient, request: SettleBillRequest) -> None:
    scan = services.clock() + dt.timedelta(seconds=40)
    request.presentation.scan_time.CopyFrom(from_instant(scan))


def _replayed(services: BothServices, patient: Patient, request: SettleBillRequest) -> None:
    first = services.settle_request(patient, request.presentation.qr_text)
    services.settlements().SettleBill(first, timeout=CALL_SECONDS)


def _superseded(services: BothServices, patient: Patient, request: SettleBillRequest) -> None:
    # Codes bear the second of their issue.
    services.clock.advance(seconds=1)
    newer = services.settle_request(patient)
    services.settlements().SettleBill(newer, timeout=CALL_SECONDS)


BAD_CODES = (
    BadCode("expired", _expired, "QR_EXPIRED"),
    BadCode("scanned before its minute", _too_early, "QR_NOT_YET_VALID"),
    BadCode("scanned long ago", _long_ago, "CLOCK_SUSPECT", metadata={"offset_seconds": "-601"}),
    BadCode("scanned in the future", _ahead, "CLOCK_SUSPECT"),
    # Rule I-01.
    BadCode("superseded", _superseded, "QR_SUPERSEDED"),
    # Rule I-02.
    BadCode("replayed", _replayed, "QR_ALREADY_USED"),
    # Rule I-03.
    BadCode("of another person", _of_another_person, "NOT_CARDHOLDER", DENIED),
    BadCode("with a changed signature", _tampered_signature, "QR_BAD_SIGNATURE"),
    BadCode("with changed claims", _tampered_claims, "QR_BAD_SIGNATURE"),
    BadCode(
        "with a changed prefix",
        lambda _services, _patient, request: _show(
            request, "MI2" + request.presentation.qr_text[3:]
        ),
        "QR_MALFORMED",
        INVALID,
    ),
    BadCode(
        "cut short",
        lambda _services, _patient, request: _show(request, request.presentation.qr_text[:-1]),
        "QR_MALFORMED",
        INVALID,
    ),
    BadCode(
        "of a parcel",
        lambda _services, _patient, request: _show(request, "SF1234567890"),
        "QR_MALFORMED",
        INVALID,
    ),
    BadCode("signed with another key", _of_another_key, "QR_UNKNOWN_KEY"),
    BadCode("for another use", _for_another_use, "QR_WRONG_AUDIENCE"),
    BadCode("of another region", _of_another_region, "QR_UNKNOWN_KEY"),
)


@pytest.mark.parametrize("case", BAD_CODES, ids=lambda case: case.name)
def test_a_code_that_must_not_pay_pays_nothing(
    services: BothServices, patient: Patient, case: BadCode
) -> None:
    request = services.settle_request(patient)
    case.make(services, patient, request)
    stub = services.settlements()
    refusal = refused(services, stub.SettleBill, request)
    assert outcome(refusal) == (case.code, case.reason)
    assert case.metadata.items() <= dict(refusal.metadata).items()
    # Whatever was shown, the person's next code pays the same bill.
    request.presentation.CopyFrom(services.presentation(services.code(patient.certificate_id)))
    assert stub.SettleBill(request, timeout=CALL_SECONDS).settlement.settlement_id


def test_a_refused_registration_leaves_no_trace_of_its_person(services: BothServices) -> None:
    person_id, certificate_id, _ = services.person()
    stub = services.visits()
    good = services.visit_request(services.code(certificate_id, ADMISSION))
    # Rules T-03 and I-11.
    refused_by = {"stranger": "INSTITUTION_NOT_DESIGNATED", "pharmacy": "INSTITUTION_NO_ECERT"}
    for name, reason in refused_by.items():
        refusal = refused(services, services.visits(name).RegisterVisit, good)
        assert outcome(refusal) == (FAILED, reason)
    to_pay = services.visit_request(services.code(certificate_id))
    refusal = refused(services, stub.RegisterVisit, to_pay)
    assert outcome(refusal) == (FAILED, "QR_WRONG_AUDIENCE")
    assert not any(person_id in row for row in services.contents()["person_standing"])
    assert stub.RegisterVisit(good, timeout=CALL_SECONDS).visit.person_id == person_id
