"""What callers ask for, as frozen values."""

from dataclasses import dataclass

from yibao_identity.rules.certificate import Proofing
from yibao_identity.rules.person import Registration


@dataclass(frozen=True, slots=True)
class RegisterPerson:
    """Registers a person; `digest` stands for the whole request and its caller."""

    region: str
    request_id: str
    digest: bytes
    caller: str
    registration: Registration


@dataclass(frozen=True, slots=True)
class ActivateCertificate:
    """Activates a person's e-certificate."""

    region: str
    request_id: str
    digest: bytes
    caller: str
    person_id: str
    proofing: Proofing


@dataclass(frozen=True, slots=True)
class IssueCode:
    """Issues a QR code of a certificate for one business type."""

    certificate_id: str
    audience: str
    caller: str
