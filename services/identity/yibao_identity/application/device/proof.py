"""Proofs that a phone has the private half of its key."""

from typing import Protocol

from yibao_identity.rules.device import KeyAlgorithm, key_refused, proof_invalid


class DeviceKeys(Protocol):
    """Tells which public keys prove anything, and what is signed with them."""

    def fault_of(self, algorithm: KeyAlgorithm, public_key: bytes) -> str | None:
        """Returns why a public key is not taken, or None."""
        ...

    def signed_enrolment(self, public_key: bytes, *, challenge: bytes, signature: bytes) -> bool:
        """Tells whether the key, which is taken, signed its own enrolment."""
        ...

    def signed_renewal(
        self, public_key: bytes, *, challenge: bytes, device_certificate_id: str, signature: bytes
    ) -> bool:
        """Tells whether the key, which is taken, signed the renewal of a certificate."""
        ...


def check_key(keys: DeviceKeys, algorithm: KeyAlgorithm, public_key: bytes) -> None:
    """Refuses a public key under which a signature would prove nothing, or that is none.

    Raises:
        RuleError: DEVICE_KEY_REFUSED; it is of another length than the algorithm's, no
            point of its curve, not in its one form, or of low order.
    """
    fault = keys.fault_of(algorithm, public_key)
    if fault is not None:
        raise key_refused(fault)


def check_enrolment(
    keys: DeviceKeys,
    algorithm: KeyAlgorithm,
    public_key: bytes,
    *,
    challenge: bytes,
    signature: bytes,
) -> None:
    """Refuses an enrolment without proof of the private key.

    Raises:
        RuleError: DEVICE_KEY_REFUSED, DEVICE_PROOF_INVALID.
    """
    check_key(keys, algorithm, public_key)
    if not keys.signed_enrolment(public_key, challenge=challenge, signature=signature):
        raise proof_invalid()


def check_renewal(
    keys: DeviceKeys,
    algorithm: KeyAlgorithm,
    public_key: bytes,
    *,
    challenge: bytes,
    device_certificate_id: str,
    signature: bytes,
) -> None:
    """Refuses a renewal without proof of the private key.

    Raises:
        RuleError: DEVICE_KEY_REFUSED, DEVICE_PROOF_INVALID.
    """
    check_key(keys, algorithm, public_key)
    if not keys.signed_renewal(
        public_key,
        challenge=challenge,
        device_certificate_id=device_certificate_id,
        signature=signature,
    ):
        raise proof_invalid()
