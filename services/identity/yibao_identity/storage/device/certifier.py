"""Device certificates as the issuer's key signs them."""

from typing import Protocol

from yibao import issuing
from yibao_identity.rules.certificate import Certificate
from yibao_identity.rules.device import DeviceCertificate


class CredentialSigner(Protocol):
    """Signs with the issuer's key for device certificates."""

    def sign_certificate(self, certificate: issuing.DeviceCertificate) -> bytes:
        """Returns the certificate for the phone."""
        ...


class SignedStatements:
    """See `application.device.certifier.DeviceSigner`."""

    def __init__(self, signer: CredentialSigner) -> None:
        """Takes what signs."""
        self._signer = signer

    def sign(self, facts: DeviceCertificate, certificate: Certificate, public_key: bytes) -> bytes:
        """Returns the certificate of a phone's key, for the holder of an e-certificate."""
        return self._signer.sign_certificate(
            issuing.DeviceCertificate(
                issuer=certificate.region,
                subject=certificate.subject,
                issue_second=int(facts.issue_time.timestamp()),
                expire_second=int(facts.expire_time.timestamp()),
                device_certificate_id=bytes.fromhex(facts.device_certificate_id),
                device_key=public_key,
                status_uri=issuing.list_uri(certificate.region, facts.list_number),
                status_index=facts.status_index,
            )
        )
