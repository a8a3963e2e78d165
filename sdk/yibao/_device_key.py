"""Keys of holders' phones: Ed25519, or P-256 where the secure hardware has no Ed25519.

A holder chooses the key, so it is judged before use. A signature is 64 bytes in both
algorithms; of P-256 it is r and s, 32 bytes each, big-endian (RFC 9053, 2.1). Of the two
values of s that fit, both are accepted: nothing here is named by a signature.
"""

from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from yibao import _ed25519
from yibao._token import SIGNATURE_BYTES

PublicKey: TypeAlias = Ed25519PublicKey | ec.EllipticCurvePublicKey
PrivateKey: TypeAlias = Ed25519PrivateKey | ec.EllipticCurvePrivateKey

# COSE's numbers of the algorithms (RFC 9053).
EDDSA: Final = -8
ES256: Final = -7
ED25519_KEY_BYTES: Final = 32
P256_KEY_BYTES: Final = 65

_ES256 = ec.ECDSA(SHA256())
_UNCOMPRESSED = 0x04
_HALF = SIGNATURE_BYTES // 2


def load(raw: bytes) -> PublicKey:
    """Returns the key of 32 raw bytes (Ed25519) or of an uncompressed point (P-256).

    An encoding of Ed25519 that is no point passes: no signature fits it. Enrolment, which
    happens once, refuses it too (`load_thoroughly`).

    Raises:
        ValueError: The length fits neither, the key is of low order or not canonical
            (Ed25519), or the point is not on the curve (P-256).
    """
    if len(raw) == ED25519_KEY_BYTES:
        _ed25519.refuse_low_order(raw)
        return Ed25519PublicKey.from_public_bytes(raw)
    if len(raw) != P256_KEY_BYTES or raw[0] != _UNCOMPRESSED:
        raise ValueError("a device key has 32 bytes, or 65 that begin with 4")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)


def load_thoroughly(raw: bytes) -> PublicKey:
    """Returns the key as `load` does, and of Ed25519 refuses what is no point of the curve.

    Raises:
        ValueError: As `load`.
    """
    return _ed25519.load_public_key(raw) if len(raw) == ED25519_KEY_BYTES else load(raw)


def raw_public_key(private_key: PrivateKey) -> bytes:
    """Returns the public key of `private_key` in the form that `load` reads.

    Raises:
        ValueError: It is of another curve.
    """
    if isinstance(private_key, Ed25519PrivateKey):
        return private_key.public_key().public_bytes_raw()
    if not isinstance(private_key.curve, ec.SECP256R1):
        raise ValueError("a device key of an elliptic curve must be of P-256")
    public_key = private_key.public_key()
    return public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def algorithm_of(key: PublicKey | PrivateKey) -> int:
    """Returns COSE's number of the one algorithm that `key` is used with."""
    return EDDSA if isinstance(key, (Ed25519PublicKey, Ed25519PrivateKey)) else ES256


def sign(private_key: PrivateKey, message: bytes) -> bytes:
    """Returns the signature of `message`, 64 bytes."""
    if isinstance(private_key, Ed25519PrivateKey):
        return private_key.sign(message)
    r, s = decode_dss_signature(private_key.sign(message, _ES256))
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def is_signed(public_key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Tells whether `signature`, 64 bytes, of `message` was made with the key's other half."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        if isinstance(public_key, Ed25519PublicKey):
            _ed25519.verify(public_key, signature, message)
        else:
            r = int.from_bytes(signature[:_HALF], "big")
            s = int.from_bytes(signature[_HALF:], "big")
            public_key.verify(encode_dss_signature(r, s), message, _ES256)
    except InvalidSignature:
        return False
    return True
