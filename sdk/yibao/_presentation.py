"""The code of mode B, `MI2-`: signed by the holder's phone, around its certificate.

    d2 84                                   tag 18, an array of 4
    58 nn | 59 nn nn [ a3                   protected:
        01 27 | 01 26                       alg: EdDSA or ES256
        0d <certificate>                    kcwt: the certificate as it is
        10 19 01 26 ]                       typ: kb+cwt
    a0                                      nothing unprotected
    58 nn <payload>                         payload
    58 40 <64 bytes>                        signature

A holder writes all of it but the certificate, so it stays distrusted after its signature
holds: the payload is read strictly, and its times must lie within the certificate's.
"""

from typing import Final, NamedTuple, TypeAlias

from yibao import _base45, _cbor
from yibao._claims import (
    CHALLENGE_BYTES,
    LEAST_OF_FOUR_BYTES,
    MAX_USUAL_AUDIENCE_BYTES,
    USUAL_END,
    check_life,
)
from yibao._device_key import EDDSA, ES256
from yibao._layout import Layout, layout, size_of
from yibao._token import (
    CLAIM_AUDIENCE,
    CLAIM_CHALLENGE,
    CLAIM_CODE_ID,
    CLAIM_EXPIRE,
    CLAIM_ISSUE,
    CODE_ID_BYTES,
    NO_EXTERNAL_DATA,
    PRESENTATION_PREFIX,
    SIGNATURE_BYTES,
    SIGNED_OPENING,
    QrError,
    check_length,
)

# Audience, expire second, issue second, code id, signature.
UsualParts: TypeAlias = tuple[bytes, int, int, bytes, bytes]
# Audience, expire second, issue second, code id, challenge.
PresentationClaims: TypeAlias = tuple[str, int, int, bytes, bytes | None]

_OPENING = b"\xd2\x84"
_HEADER_OPENINGS: Final = {EDDSA: b"\xa3\x01\x27\x0d", ES256: b"\xa3\x01\x26\x0d"}
_ALGORITHMS = {opening: algorithm for algorithm, opening in _HEADER_OPENINGS.items()}
_HEADER_OPENING_BYTES = 4
_HEADER_CLOSING = b"\x10\x19\x01\x26"
_CLOSING = b"\x58\x40"
CLOSING_BYTES: Final = len(_CLOSING) + SIGNATURE_BYTES
# Behind the header: nothing unprotected, and the payload's length in one byte.
_PAYLOAD_AT = 3
_LEAST_PAYLOAD_BYTES, _MOST_PAYLOAD_BYTES = 24, 0xFF
# Of a header whose length takes one byte, and of one that takes two.
_LEAST_HEADER_BYTES, _LEAST_LONG_HEADER_BYTES = 24, 0x100

_LABELS = frozenset((CLAIM_AUDIENCE, CLAIM_EXPIRE, CLAIM_ISSUE, CLAIM_CODE_ID))
_LABELS_CHALLENGED = _LABELS | {CLAIM_CHALLENGE}


class Presentation(NamedTuple):
    """The parts of a code of mode B, unverified."""

    algorithm: int
    certificate: bytes
    payload: bytes
    signature: bytes
    signed: bytes  # the bytes that the signature is over
    end: bytes  # what follows the header


def open_presentation(data: bytes) -> Presentation:
    """Takes a code apart by its fixed bytes; the certificate is not looked into.

    Raises:
        QrError: `malformed` where any byte of the frame, or a length, is not as fixed.
    """
    header_at, header_end = _header_of(data)
    certificate_at = header_at + _HEADER_OPENING_BYTES
    certificate_end = header_end - len(_HEADER_CLOSING)
    algorithm = _ALGORITHMS.get(data[header_at:certificate_at])
    end = data[header_end:]
    closing_at = len(end) - CLOSING_BYTES
    size = closing_at - _PAYLOAD_AT
    if (
        algorithm is None
        or not _LEAST_PAYLOAD_BYTES <= size <= _MOST_PAYLOAD_BYTES
        or data[certificate_end:header_end] != _HEADER_CLOSING
        or end[:_PAYLOAD_AT] != bytes((0xA0, 0x58, size))
        or end[closing_at : closing_at + len(_CLOSING)] != _CLOSING
    ):
        raise QrError("malformed", "not the frame of a presentation of this profile")
    return Presentation(
        algorithm,
        data[certificate_at:certificate_end],
        end[_PAYLOAD_AT:closing_at],
        end[-SIGNATURE_BYTES:],
        SIGNED_OPENING + data[2:header_end] + NO_EXTERNAL_DATA + end[1:closing_at],
        end,
    )


def _header_of(data: bytes) -> tuple[int, int]:
    """Returns where the protected header starts and where it ends."""
    form = data[2:3]
    if data[:2] == _OPENING and form == b"\x58":
        at, least = 4, _LEAST_HEADER_BYTES
    elif data[:2] == _OPENING and form == b"\x59":
        at, least = 5, _LEAST_LONG_HEADER_BYTES
    else:
        raise QrError("malformed", "not the header of a presentation of this profile")
    size = int.from_bytes(data[3:at], "big")
    if size < least:
        raise QrError("malformed", "the header's length is not in its shortest form")
    return at, at + size


def _usual_end(audience_bytes: int, header_rest: bytes) -> Layout:
    claims_bytes = 25 + audience_bytes
    return layout(
        header_rest + bytes((0xA0, 0x58, claims_bytes)),
        bytes((0xA4, CLAIM_AUDIENCE, 0x60 + audience_bytes)),
        f"{audience_bytes}s",
        *USUAL_END,
    )


def _usual_ends(header_rest: bytes) -> dict[int, Layout]:
    layouts = (_usual_end(size, header_rest) for size in range(MAX_USUAL_AUDIENCE_BYTES + 1))
    return {size_of(each): each for each in layouts}


# Three characters stand for two bytes, so what is read apart from the header may begin
# with the last byte of it.
USUAL_ENDS: Final = _usual_ends(b"")
USUAL_ENDS_WITH_LAST_BYTE: Final = _usual_ends(_HEADER_CLOSING[-1:])


def open_usual_end(end: bytes, layouts: dict[int, Layout]) -> UsualParts | None:
    """Takes what follows the header apart if it is laid out as phones do it, else None."""
    usual = layouts.get(len(end))
    if usual is None:
        return None
    parts, fixed, expected = usual
    if int.from_bytes(end, "big") & fixed != expected:
        return None
    return parts.unpack(end)


def usual_claims(parts: UsualParts) -> PresentationClaims:
    """Returns the claims of a code that `open_usual_end` took apart.

    Raises:
        QrError: `malformed`.
    """
    audience, expire, issue, code_id, _ = parts
    if issue < LEAST_OF_FOUR_BYTES:
        raise QrError("malformed", "the claims: an integer is longer than needed")
    check_life(issue, expire)
    try:
        return audience.decode(), expire, issue, code_id, None
    except UnicodeDecodeError:
        raise QrError("malformed", "the claims: text is not UTF-8") from None


def read_claims(payload: bytes) -> PresentationClaims:
    """Returns the claims of a payload by the strict decoder.

    Raises:
        QrError: `malformed`; not deterministic CBOR, or not exactly the claims with their
            types, lengths and ranges.
    """
    try:
        values = _cbor.decode(payload)
    except _cbor.CborError as error:
        raise QrError("malformed", f"the claims: {error}") from None
    if not isinstance(values, dict) or values.keys() not in (_LABELS, _LABELS_CHALLENGED):
        raise QrError("malformed", "not exactly the claims of this profile")
    audience, challenge = values[CLAIM_AUDIENCE], values.get(CLAIM_CHALLENGE)
    expire, issue, code_id = values[CLAIM_EXPIRE], values[CLAIM_ISSUE], values[CLAIM_CODE_ID]
    if not (
        isinstance(audience, str)
        and isinstance(expire, int)
        and isinstance(issue, int)
        and isinstance(code_id, bytes)
        and len(code_id) == CODE_ID_BYTES
    ):
        raise QrError("malformed", "a claim is not of its type or length")
    check_life(issue, expire)
    if challenge is None:
        return audience, expire, issue, code_id, None
    if not isinstance(challenge, bytes) or len(challenge) != CHALLENGE_BYTES:
        raise QrError("malformed", "the challenge is not of its type or length")
    return audience, expire, issue, code_id, challenge


def encode_claims(
    audience: str,
    *,
    issue_second: int,
    expire_second: int,
    code_id: bytes,
    challenge: bytes | None,
) -> bytes:
    """Returns the payload that the phone signs."""
    claims: dict[int | str, _cbor.Value] = {
        CLAIM_AUDIENCE: audience,
        CLAIM_EXPIRE: expire_second,
        CLAIM_ISSUE: issue_second,
        CLAIM_CODE_ID: code_id,
    }
    if challenge is not None:
        claims[CLAIM_CHALLENGE] = challenge
    return _cbor.encode(claims)


def bytes_to_sign(header: bytes, payload: bytes) -> bytes:
    """Returns the Sig_structure over an encoded header and a payload."""
    return SIGNED_OPENING + header + NO_EXTERNAL_DATA + _cbor.encode(payload)


def encode_header(certificate: bytes, algorithm: int) -> bytes:
    """Returns the protected header as a byte string."""
    return _cbor.encode(_HEADER_OPENINGS[algorithm] + certificate + _HEADER_CLOSING)


def close_presentation(header: bytes, payload: bytes, signature: bytes) -> str:
    """Returns the text to draw."""
    check_length(signature, SIGNATURE_BYTES, "a signature")
    data = b"".join((_OPENING, header, b"\xa0", _cbor.encode(payload), _CLOSING, signature))
    return PRESENTATION_PREFIX + _base45.encode(data)
