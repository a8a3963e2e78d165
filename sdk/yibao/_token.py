"""What the issuer and the verifier of signed texts share: the frame and the errors.

The code of mode A, the device certificate of mode B and the trust snapshot are
COSE_Sign1 (RFC 9052) by Ed25519 in one frame, of which every byte is fixed but the key id
and the length of the payload:

    d2 84                            tag 18, an array of 4
    4d a2 01 27 04 48 <8 bytes>      protected: {1: -8 EdDSA, 4: key id}
    a0                               nothing unprotected
    58 nn | 59 nn nn <payload>       payload
    58 40 <64 bytes>                 signature

So it is checked by comparing bytes, and no parser runs before the signature holds.
"""

import datetime as dt
import hashlib
import math
import struct
from typing import Final, Literal, NamedTuple, TypeAlias

TEXT_PREFIX: Final = "MI1-"
PRESENTATION_PREFIX: Final = "MI2-"
KEY_ID_BYTES: Final = 8
PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
CODE_ID_BYTES: Final = 8
# The length of a code's payload stands in one byte, that of a snapshot's in two.
MAX_CODE_PAYLOAD_BYTES: Final = 0xFF
MAX_SNAPSHOT_PAYLOAD_BYTES: Final = 0xFFFF
SUBJECT_CHARACTERS: Final = 13
MAX_LIFE_SECONDS: Final = 60
# A clock further behind the issuer's than this decides nothing; less is drift.
CLOCK_SUSPECT_SECONDS: Final = 60

CLAIM_ISSUER: Final = 1
CLAIM_SUBJECT: Final = 2
CLAIM_AUDIENCE: Final = 3
CLAIM_EXPIRE: Final = 4
CLAIM_ISSUE: Final = 6
CLAIM_CODE_ID: Final = 7
# Of device certificates and presentations alone.
CLAIM_DEVICE_KEY: Final = 8
CLAIM_CHALLENGE: Final = 39
CLAIM_STATUS: Final = 65535

_OPENING = bytes.fromhex("d2844da201270448")
_PROTECTED = slice(2, 16)
_KEY_ID = slice(8, 16)
_UNPROTECTED_AT = 16
_PAYLOAD_HEAD_AT = 17
# Nothing unprotected, then the head of a payload whose length takes one byte.
_SHORT_PAYLOAD_OPENING = bytes.fromhex("a058")
_SHORT_START = struct.Struct("8s8s2sB")
_SHORT_PAYLOAD_AT = _SHORT_START.size
_LEAST_PAYLOAD_BYTES = 24
_CLOSING = bytes.fromhex("5840")
_END = struct.Struct(f"2s{SIGNATURE_BYTES}s")
_CLOSING_BYTES = _END.size
# The start of Sig_structure: an array of 4 whose first item is "Signature1".
SIGNED_OPENING: Final = b"\x84\x6aSignature1"
NO_EXTERNAL_DATA: Final = b"\x40"

ErrorName: TypeAlias = Literal[
    "malformed",
    "unknown_key",
    "bad_signature",
    "not_yet_valid",
    "expired",
    "clock_suspect",
    "wrong_audience",
    "revoked",
    "stale_trust",
    "replayed",
]


class QrError(Exception):
    """A QR code or a trust snapshot is not accepted.

    Attributes:
        error: Why; one of the fixed names in `ErrorName`.
        offset_seconds: `now` less the moment of signing, rounded down, where time is
            the cause, else None. Negative: this machine's clock is behind the issuer's.
    """

    def __init__(
        self, error: ErrorName, message: str, *, offset_seconds: int | None = None
    ) -> None:
        """Keeps the name of the error; `message` holds nothing of the person."""
        super().__init__(f"{error}: {message}")
        self.error: ErrorName = error
        self.message = message
        self.offset_seconds = offset_seconds


class Frame(NamedTuple):
    """The parts of a framed message, unverified."""

    key_id: bytes
    payload: bytes
    signature: bytes
    signed: bytes  # the bytes that the signature is over


def check_length(data: bytes, size: int, what: str) -> None:
    """Refuses bytes of another length; not by `assert`, which `python -O` leaves out.

    Raises:
        ValueError: `data` has not `size` bytes.
    """
    if len(data) != size:
        raise ValueError(f"{what} has {size} bytes")


def key_id_of(public_key: bytes) -> bytes:
    """Returns the id of a raw 32-byte public key: the first 8 bytes of its SHA-256."""
    check_length(public_key, PUBLIC_KEY_BYTES, "a public key")
    return hashlib.sha256(public_key).digest()[:KEY_ID_BYTES]


def payload_head(size: int) -> bytes:
    """Returns the head of a payload of `size` bytes, from 24 to 65535."""
    if not _LEAST_PAYLOAD_BYTES <= size <= MAX_SNAPSHOT_PAYLOAD_BYTES:
        raise ValueError("a payload has from 24 to 65535 bytes")
    return bytes((0x58, size)) if size <= 0xFF else b"\x59" + size.to_bytes(2, "big")


def frame_opening(key_id: bytes) -> bytes:
    """Returns the 17 bytes before the payload."""
    check_length(key_id, KEY_ID_BYTES, "a key id")
    return _OPENING + key_id + b"\xa0"


def bytes_to_sign(opening: bytes, payload: bytes) -> bytes:
    """Returns the Sig_structure over a payload that follows `opening`."""
    head = payload_head(len(payload))
    return b"".join((SIGNED_OPENING, opening[_PROTECTED], NO_EXTERNAL_DATA, head, payload))


def close_frame(opening: bytes, payload: bytes, signature: bytes) -> bytes:
    """Returns the whole message."""
    check_length(signature, SIGNATURE_BYTES, "a signature")
    return b"".join((opening, payload_head(len(payload)), payload, _CLOSING, signature))


def open_frame(data: bytes, *, max_payload: int) -> Frame:
    """Takes a message with a payload of at most `max_payload` bytes apart by its fixed bytes.

    Raises:
        QrError: `malformed` where any byte of the frame, or the length, is not as fixed.
    """
    closing_at = len(data) - _CLOSING_BYTES
    if closing_at < _PAYLOAD_HEAD_AT + 2:
        raise QrError("malformed", "too short")
    if not data.startswith(_OPENING) or data[_UNPROTECTED_AT] != 0xA0:
        raise QrError("malformed", "not the header of a signed message of this profile")
    start = _payload_start(data, closing_at, max_payload)
    if data[closing_at : closing_at + len(_CLOSING)] != _CLOSING:
        raise QrError("malformed", "not a signature of 64 bytes at the end")
    return Frame(
        data[_KEY_ID],
        data[start:closing_at],
        data[-SIGNATURE_BYTES:],
        SIGNED_OPENING + data[_PROTECTED] + NO_EXTERNAL_DATA + data[_PAYLOAD_HEAD_AT:closing_at],
    )


def signed_bytes(data: bytes) -> bytes:
    """Returns what the signature of a message is over of this profile; `data` has its frame."""
    return SIGNED_OPENING + data[2:16] + NO_EXTERNAL_DATA + data[17:-_CLOSING_BYTES]


def open_short_frame(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Takes a message with a payload of 24 to 255 bytes apart, as `open_frame` would.

    Such a payload has one form of head, so this costs half as much. Codes and device
    certificates are read with it.

    Returns:
        The key id, the payload and the signature, which is over `signed_bytes`.

    Raises:
        QrError: `malformed`.
    """
    closing_at = len(data) - _CLOSING_BYTES
    size = closing_at - _SHORT_PAYLOAD_AT
    if size < _LEAST_PAYLOAD_BYTES:
        raise QrError("malformed", "too short for a signed message of this profile")
    opening, key_id, payload_opening, stated_size = _SHORT_START.unpack_from(data)
    closing, signature = _END.unpack_from(data, closing_at)
    if (
        opening != _OPENING
        or payload_opening != _SHORT_PAYLOAD_OPENING
        or stated_size != size
        or closing != _CLOSING
    ):
        raise QrError("malformed", "not the frame of a signed message of this profile")
    return key_id, data[_SHORT_PAYLOAD_AT:closing_at], signature


def _payload_start(data: bytes, end: int, max_payload: int) -> int:
    """Returns where the payload that must end at `end` starts."""
    form = data[_PAYLOAD_HEAD_AT]
    start = _PAYLOAD_HEAD_AT + (2 if form == 0x58 else 3)
    size = end - start
    # Comparing with the one right head also refuses a length longer than needed.
    shortest = 24 if form == 0x58 else 0x100
    if not shortest <= size <= max_payload or data[_PAYLOAD_HEAD_AT:start] != payload_head(size):
        raise QrError("malformed", "the payload's length does not fit")
    return start


def check_signed_by(signed_second: float, now: dt.datetime, *, what: str) -> None:
    """Checks that what an issuer signed at `signed_second` is not of the future.

    Raises:
        QrError: `clock_suspect`; `now` is over 60 s before it.
    """
    offset = unix_seconds(now) - signed_second
    if offset < -CLOCK_SUSPECT_SECONDS:
        raise QrError(
            "clock_suspect",
            f"this clock is behind the signing of the {what}",
            offset_seconds=math.floor(offset),
        )


def unix_seconds(now: dt.datetime) -> float:
    """Returns an aware instant in seconds since 1970.

    Raises:
        ValueError: `now` has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    return now.timestamp()
