"""Proofs that a phone has its private key, for `EnrolDevice` and `RenewDeviceCertificate`.

    statement = enrolment_statement(challenge, raw_public_key(private_key))
    signature = sign(private_key, statement)

Each proof begins with words of its own and a zero byte, so that none can pass for the
other, nor for a code: what is signed of a code begins with another byte.
"""

from typing import Final

from yibao._device_key import (
    ED25519_KEY_BYTES,
    P256_KEY_BYTES,
    PrivateKey,
    PublicKey,
    is_signed,
    load_thoroughly,
    raw_public_key,
    sign,
)

__all__ = [
    "CHALLENGE_BYTES",
    "ED25519_KEY_BYTES",
    "P256_KEY_BYTES",
    "PrivateKey",
    "PublicKey",
    "enrolment_statement",
    "is_signed",
    "load_public_key",
    "raw_public_key",
    "renewal_statement",
    "sign",
]

# Of `GetDeviceChallenge`; not the challenge that a terminal shows.
CHALLENGE_BYTES: Final = 56
_CERTIFICATE_ID_BYTES: Final = 8
_ENROLMENT: Final = b"yibao device enrolment\0"
_RENEWAL: Final = b"yibao device renewal\0"

load_public_key = load_thoroughly


def enrolment_statement(challenge: bytes, public_key: bytes) -> bytes:
    """Returns the bytes that a device signs to enrol.

    Args:
        challenge: The 56 bytes of `GetDeviceChallenge`, bound to the e-certificate.
        public_key: Raw: 32 bytes of Ed25519, or 65 of an uncompressed point of P-256.

    Raises:
        ValueError: One of them is not of its length.
    """
    if len(public_key) not in (ED25519_KEY_BYTES, P256_KEY_BYTES):
        raise ValueError("a device key has 32 bytes, or 65")
    return _ENROLMENT + _checked(challenge) + public_key


def renewal_statement(challenge: bytes, device_certificate_id: bytes) -> bytes:
    """Returns the bytes that a device signs to have its key certified anew.

    Args:
        challenge: The 56 bytes of `GetDeviceChallenge`, bound to the e-certificate.
        device_certificate_id: The 8 bytes (claim `cti`) of its newest certificate.

    Raises:
        ValueError: One of them is not of its length.
    """
    if len(device_certificate_id) != _CERTIFICATE_ID_BYTES:
        raise ValueError(f"a device certificate's id has {_CERTIFICATE_ID_BYTES} bytes")
    return _RENEWAL + _checked(challenge) + device_certificate_id


def _checked(challenge: bytes) -> bytes:
    if len(challenge) != CHALLENGE_BYTES:
        raise ValueError(f"a challenge has {CHALLENGE_BYTES} bytes")
    return challenge
