"""The frame of messages that state what they are: attestations, holds, requests of keys.

COSE_Sign1 by Ed25519 with a type in its signed header, so that one kind never passes for
another, nor for a code. Every byte is fixed but the key id and the length of the payload:

    d2 84                                              tag 18, an array of 4
    55 a3 01 27 04 48 <8 bytes> 10 66 <6 characters>   protected: {1: -8 EdDSA, 4: key id,
                                                        16: type}
    a0                                                 nothing unprotected
    58 nn | 59 nn nn <payload>                         payload
    58 40 <64 bytes>                                   signature
"""

from typing import Final

from yibao._token import (
    KEY_ID_BYTES,
    NO_EXTERNAL_DATA,
    SIGNATURE_BYTES,
    SIGNED_OPENING,
    Frame,
    QrError,
    check_length,
    payload_head,
)

TYPE_REGISTRATION: Final = "mr+cwt"
TYPE_HOLD: Final = "mh+cwt"
TYPE_KEY_REQUEST: Final = "mk+cwt"
# An attestation has about 160 bytes; a request of a key names up to 512 regions.
MAX_PAYLOAD_BYTES: Final = 4_096

_OPENING = bytes.fromhex("d28455a301270448")
_TYPE_HEAD = b"\x10\x66"
_TYPE_CHARACTERS = 6
_PROTECTED_AT = 2
_KEY_ID = slice(len(_OPENING), len(_OPENING) + KEY_ID_BYTES)
_TYPE_AT = _KEY_ID.stop
_UNPROTECTED_AT = _TYPE_AT + len(_TYPE_HEAD) + _TYPE_CHARACTERS
_PAYLOAD_HEAD_AT = _UNPROTECTED_AT + 1
_CLOSING = b"\x58\x40"
_CLOSING_BYTES = len(_CLOSING) + SIGNATURE_BYTES
_LEAST_PAYLOAD_BYTES, _LEAST_LONG_PAYLOAD_BYTES = 24, 0x100


def opening_of(key_id: bytes, message_type: str) -> bytes:
    """Returns the bytes before the payload's head."""
    check_length(key_id, KEY_ID_BYTES, "a key id")
    check_length(message_type.encode("ascii"), _TYPE_CHARACTERS, "a type")
    return _OPENING + key_id + _TYPE_HEAD + message_type.encode("ascii") + b"\xa0"


def bytes_to_sign(opening: bytes, payload: bytes) -> bytes:
    """Returns the Sig_structure over a payload that follows `opening`."""
    protected = opening[_PROTECTED_AT:_UNPROTECTED_AT]
    return b"".join(
        (SIGNED_OPENING, protected, NO_EXTERNAL_DATA, payload_head(len(payload)), payload)
    )


def close_frame(opening: bytes, payload: bytes, signature: bytes) -> bytes:
    """Returns the whole message."""
    check_length(signature, SIGNATURE_BYTES, "a signature")
    return b"".join((opening, payload_head(len(payload)), payload, _CLOSING, signature))


def open_frame(data: bytes, message_type: str) -> Frame:
    """Takes a message of this type apart by its fixed bytes.

    Raises:
        QrError: `malformed` where any byte of the frame, or the length, is not as fixed.
    """
    closing_at = len(data) - _CLOSING_BYTES
    if closing_at < _PAYLOAD_HEAD_AT + 2 + _LEAST_PAYLOAD_BYTES:
        raise QrError("malformed", "too short")
    if data[:_PAYLOAD_HEAD_AT] != opening_of(data[_KEY_ID], message_type):
        raise QrError("malformed", "not the header of a message of this type")
    if data[closing_at : closing_at + len(_CLOSING)] != _CLOSING:
        raise QrError("malformed", "not a signature of 64 bytes at the end")
    is_short = data[_PAYLOAD_HEAD_AT] == 0x58
    start = _PAYLOAD_HEAD_AT + (2 if is_short else 3)
    size = closing_at - start
    least = _LEAST_PAYLOAD_BYTES if is_short else _LEAST_LONG_PAYLOAD_BYTES
    # Comparing with the one right head also refuses a length longer than needed.
    if not least <= size <= MAX_PAYLOAD_BYTES or data[_PAYLOAD_HEAD_AT:start] != payload_head(size):
        raise QrError("malformed", "the payload's length does not fit")
    return Frame(
        data[_KEY_ID],
        data[start:closing_at],
        data[-SIGNATURE_BYTES:],
        SIGNED_OPENING
        + data[_PROTECTED_AT:_UNPROTECTED_AT]
        + NO_EXTERNAL_DATA
        + data[_PAYLOAD_HEAD_AT:closing_at],
    )
