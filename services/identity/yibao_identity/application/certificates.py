"""What callers ask of e-certificates, as frozen values, and the storage that does it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from yibao_common.commands.request import Request
from yibao_common.values.caller import Caller
from yibao_identity.rules.certificate import Certificate, Proofing

EncodeCertificate = Callable[[Certificate], bytes]


@dataclass(frozen=True, slots=True)
class ActivateCertificate:
    """Activates a person's e-certificate."""

    request: Request
    person_id: str
    proofing: Proofing


@dataclass(frozen=True, slots=True)
class CloseCertificate:
    """Closes an e-certificate for good."""

    request: Request
    certificate_id: str


class Certificates(Protocol):
    """E-certificates. Blocks.

    Each change returns the answer's bytes, once by request id; a holder of another
    certificate is refused with OUT_OF_SCOPE, on record.
    """

    def activate(self, command: ActivateCertificate, encode: EncodeCertificate) -> bytes:
        """Activates a certificate.

        Raises RuleError PERSON_NOT_FOUND, PERSON_MERGED, CERTIFICATE_EXISTS,
        ECERT_SUSPENDED, REQUEST_ID_REUSED.
        """
        ...

    def close(self, command: CloseCertificate, encode: EncodeCertificate) -> bytes:
        """Closes a certificate and revokes its devices.

        Raises RuleError CERTIFICATE_NOT_FOUND, REQUEST_ID_REUSED.
        """
        ...

    def find(self, region: str, certificate_id: str) -> Certificate | None:
        """Returns a certificate, or None."""
        ...

    def record_foreign(
        self, caller: Caller, *, method: str, region: str, certificate_id: str
    ) -> None:
        """Puts on record that a holder asked for another's certificate and was refused."""
        ...
