"""Persons with active e-certificates in identity, registered over gRPC as any are."""

import itertools
from collections.abc import Iterator

from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import certificate_pb2
from yibao.identity.v1.certificate_service_pb2 import (
    ActivateCertificateRequest,
    IssueQrCodeRequest,
)
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.identity.v1.person_service_pb2 import RegisterPersonRequest
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceStub
from yibao_cli.parties import CHANNEL, parties_of
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.values.ids import new_id

# Calls that wait at a time: within the limit of calls a second, and of the queue.
_AT_ONCE = 200
_AUDIENCES = ("01101", "01103", "01301", "02121")


def certificates_of(stack: Stack, region: Region, *, count: int) -> list[str]:
    """Registers `count` persons, activates their certificates and returns the ids."""
    persons = PersonServiceStub(stack.channel("identity", parties_of(region).maker))
    certificates = CertificateServiceStub(stack.channel("identity", CHANNEL))
    found: list[str] = []
    for start in range(0, count, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, count))
        calls = [
            persons.RegisterPerson.future(_registration(region, number), timeout=30)
            for number in numbers
        ]
        activations = [
            certificates.ActivateCertificate.future(
                _activation(region, call.result().person.person_id), timeout=30
            )
            for call in calls
        ]
        found += [each.result().certificate.certificate_id for each in activations]
    return found


def _registration(region: Region, number: int) -> RegisterPersonRequest:
    return RegisterPersonRequest(
        request_id=new_id(),
        region=region.region,
        certificate_type="01",
        certificate_number=_citizen_number(number),
        person_name=f"测试{number}",
        insurance_type="390",
        person_class="16",
        start_date=Date(year=2014, month=1, day=1),
    )


def _activation(region: Region, person_id: str) -> ActivateCertificateRequest:
    return ActivateCertificateRequest(
        request_id=new_id(),
        region=region.region,
        person_id=person_id,
        proofing_method=certificate_pb2.PROOFING_METHOD_FACE,
        proofing_reference="bench",
    )


def _citizen_number(number: int) -> str:
    """Returns a valid citizen number of nobody: region 110101, a serial per birthday."""
    day, serial = divmod(number, 900)
    head = f"110101{1950 + day // 28:04d}01{1 + day % 28:02d}{serial:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(head, weights, strict=True))
    return head + "10X98765432"[total % 11]


def issue_requests(region: str, certificate_ids: list[str]) -> Iterator[bytes]:
    """Yields serialised requests of IssueQrCode without end.

    A holder gets one code a second, so that each certificate's turn comes once in a round
    of all of them: fewer certificates than calls a second measure that wait.
    """
    messages = [
        IssueQrCodeRequest(
            region=region, certificate_id=certificate_id, audience=audience
        ).SerializeToString()
        for audience in _AUDIENCES
        for certificate_id in certificate_ids
    ]
    return itertools.cycle(messages)
