"""Public keys of Ed25519, checked before they are trusted, and signatures by them.

OpenSSL takes any 32 bytes for a public key. Under one of low order a signature can be
made that fits every message, and an encoding that is no point only fails later.

Signatures are verified by libsodium where PyNaCl is installed, in half the time, else by
OpenSSL. Both take the same ones.
"""

from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

try:
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import BadSignatureError
except ImportError:
    crypto_sign_open = cast(Any, None)

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_SIGN_BIT = 1 << 255


def _order_8_y() -> int:
    """Returns the y of a point of order 8, which has y**2 = (sqrt(1 + d) - 1) / d."""
    root = _square_root((1 + _D) % _P)
    assert root is not None
    for candidate in ((root - 1) % _P, (-root - 1) % _P):
        y = _square_root(candidate * pow(_D, -1, _P) % _P)
        if y is not None:
            return y
    raise AssertionError("the curve has points of order 8")


def _square_root(square: int) -> int | None:
    """Returns a square root modulo p (p = 5 modulo 8), or None."""
    root = pow(square, (_P + 3) // 8, _P)
    if root * root % _P != square:
        root = root * pow(2, (_P - 1) // 4, _P) % _P
    return root if root * root % _P == square else None


_Y8 = _order_8_y()
# Orders 4, 1, 2 and 8; with either sign these are all the points of low order.
LOW_ORDER_Y = frozenset((0, 1, _P - 1, _Y8, _P - _Y8))
_POINT_BYTES, _SIGNATURE_BYTES = 32, 64
_LOW_ORDER = frozenset(
    (y | sign).to_bytes(_POINT_BYTES, "little") for y in LOW_ORDER_Y for sign in (0, _SIGN_BIT)
)


def refuse_low_order(raw: bytes) -> None:
    """Refuses 32 raw bytes that are a point of low order, or not canonical.

    Raises:
        ValueError: They are one of the 14 encodings of such points, or state a
            coordinate that is not below p.
    """
    y = int.from_bytes(raw, "little") & ~_SIGN_BIT
    if y >= _P:
        raise ValueError("a public key is not canonical")
    if y in LOW_ORDER_Y:
        raise ValueError("a public key has low order")


def load_public_key(raw: bytes) -> Ed25519PublicKey:
    """Returns the key of 32 raw bytes.

    Raises:
        ValueError: They are not the canonical encoding of a point, or its order is low.
    """
    if len(raw) != 32:
        raise ValueError("a public key has 32 bytes")
    refuse_low_order(raw)
    y = int.from_bytes(raw, "little") & ~_SIGN_BIT
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if _square_root(x_squared) is None:
        raise ValueError("a public key is not a point of the curve")
    return Ed25519PublicKey.from_public_bytes(raw)


def verify(public_key: Ed25519PublicKey, signature: bytes, message: bytes) -> None:
    """Checks that a signature of `message` was made with the key's other half.

    Raises:
        InvalidSignature: It was not, or the signature's point is of low order, which none
            is that was made as it should be (OpenSSL would let one pass, libsodium none).
    """
    if len(signature) != _SIGNATURE_BYTES or signature[:_POINT_BYTES] in _LOW_ORDER:
        raise InvalidSignature
    if crypto_sign_open is None:
        public_key.verify(signature, message)
        return
    try:
        crypto_sign_open(signature + message, public_key.public_bytes_raw())
    except BadSignatureError:
        raise InvalidSignature from None
