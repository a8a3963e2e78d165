"""Keys of devices: which are taken, and what is signed with them."""

from yibao import device as proofs
from yibao_identity.rules.device import KeyAlgorithm

_KEY_BYTES = {
    KeyAlgorithm.ED25519: proofs.ED25519_KEY_BYTES,
    KeyAlgorithm.P256: proofs.P256_KEY_BYTES,
}


class PhoneKeys:
    """See `application.device.proof.DeviceKeys`."""

    def fault_of(self, algorithm: KeyAlgorithm, public_key: bytes) -> str | None:
        """Returns why a public key is not taken, or None."""
        wanted = _KEY_BYTES[algorithm]
        if len(public_key) != wanted:
            return f"a key of {algorithm.name} has {wanted} bytes"
        try:
            proofs.load_public_key(public_key)
        except ValueError as error:
            return str(error)
        return None

    def signed_enrolment(self, public_key: bytes, *, challenge: bytes, signature: bytes) -> bool:
        """Tells whether the key signed its own enrolment."""
        statement = proofs.enrolment_statement(challenge, public_key)
        return proofs.is_signed(proofs.load_public_key(public_key), signature, statement)

    def signed_renewal(
        self, public_key: bytes, *, challenge: bytes, device_certificate_id: str, signature: bytes
    ) -> bool:
        """Tells whether the key signed the renewal of a certificate."""
        statement = proofs.renewal_statement(challenge, bytes.fromhex(device_certificate_id))
        return proofs.is_signed(proofs.load_public_key(public_key), signature, statement)
