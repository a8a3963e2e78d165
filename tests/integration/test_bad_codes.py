"""A code that must not pay is refused with its own reason, and nothing is stored.

Over real gRPC with mutual TLS, on both databases.
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

from yibao.settlement.v1.settlement_service_pb2 import SettleBillRequest
from yibao_common.rpc.wire import from_instant

INVALID = grpc.StatusCode.INVALID_ARGUMENT
FAILED = grpc.StatusCode.FAILED_PRECONDITION
DENIED = grpc.StatusCode.PERMISSION_DENIED


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
    BadCode("of another region", _of_another_region, "QR_OTHER_REGION"),
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
