"""Keys of devices: which are taken, and the proofs that a phone has the private half."""

from yibao import device as proofs
from yibao_identity.rules.device import KeyAlgorithm, key_refused, proof_invalid

_KEY_BYTES = {
    KeyAlgorithm.ED25519: proofs.ED25519_KEY_BYTES,
    KeyAlgorithm.P256: proofs.P256_KEY_BYTES,
}


def check_key(algorithm: KeyAlgorithm, public_key: bytes) -> None:
    """Refuses a public key under which a signature would prove nothing, or that is none.

    Raises:
        RuleError: DEVICE_KEY_REFUSED; it is of another length than the algorithm's, no
            point of its curve, not in its one form, or of low order.
    """
    _load(algorithm, public_key)


def check_enrolment(
    algorithm: KeyAlgorithm, public_key: bytes, *, challenge: bytes, signature: bytes
) -> None:
    """Refuses an enrolment without proof of the private key.

    Raises:
        RuleError: DEVICE_KEY_REFUSED, DEVICE_PROOF_INVALID.
    """
    statement = proofs.enrolment_statement(challenge, public_key)
    _check(algorithm, public_key, signature=signature, statement=statement)


def check_renewal(
    algorithm: KeyAlgorithm,
    public_key: bytes,
    *,
    challenge: bytes,
    device_certificate_id: str,
    signature: bytes,
) -> None:
    """Refuses a renewal without proof of the private key.

    Raises:
        RuleError: DEVICE_PROOF_INVALID.
    """
    statement = proofs.renewal_statement(challenge, bytes.fromhex(device_certificate_id))
    _check(algorithm, public_key, signature=signature, statement=statement)


def _check(
    algorithm: KeyAlgorithm, public_key: bytes, *, signature: bytes, statement: bytes
) -> None:
    if not proofs.is_signed(_load(algorithm, public_key), signature, statement):
        raise proof_invalid()


def _load(algorithm: KeyAlgorithm, public_key: bytes) -> proofs.PublicKey:
    wanted = _KEY_BYTES[algorithm]
    if len(public_key) != wanted:
        raise key_refused(f"a key of {algorithm.name} has {wanted} bytes")
    try:
        return proofs.load_public_key(public_key)
    except ValueError as error:
        raise key_refused(str(error)) from None
