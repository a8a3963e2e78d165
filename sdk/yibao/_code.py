"""The code of mode A, `MI1-`: how its bytes are read.

`open_usual` and `usual_claims` read the one layout that the identity service writes;
`open_short_frame` and `read_claims` read all that the profile permits. They say the same
of every code, and the first two take a third of the time.
"""

from typing import TypeAlias

from yibao import _cbor
from yibao._claims import (
    LEAST_OF_FOUR_BYTES,
    MAX_USUAL_AUDIENCE_BYTES,
    USUAL_END,
    Claims,
    check_life,
)
from yibao._layout import Layout, layout, size_of
from yibao._token import (
    CLAIM_AUDIENCE,
    CLAIM_CODE_ID,
    CLAIM_EXPIRE,
    CLAIM_ISSUE,
    CLAIM_ISSUER,
    CLAIM_SUBJECT,
    CODE_ID_BYTES,
    KEY_ID_BYTES,
    MAX_LIFE_SECONDS,
    SUBJECT_CHARACTERS,
    QrError,
    frame_opening,
    payload_head,
)

# Key id, issuer, subject, audience, expire second, issue second, code id, signature.
UsualParts: TypeAlias = tuple[bytes, bytes, bytes, bytes, int, int, bytes, bytes]

_LABELS = frozenset(
    (CLAIM_ISSUER, CLAIM_SUBJECT, CLAIM_AUDIENCE, CLAIM_EXPIRE, CLAIM_ISSUE, CLAIM_CODE_ID)
)


def _usual_layout(audience_bytes: int) -> Layout:
    opening = frame_opening(bytes(KEY_ID_BYTES))
    claims_bytes = 48 + audience_bytes
    return layout(
        opening[:8],
        f"{KEY_ID_BYTES}s",
        opening[16:] + payload_head(claims_bytes),
        b"\xa6\x01\x66",
        "6s",
        b"\x02\x6d",
        f"{SUBJECT_CHARACTERS}s",
        bytes((CLAIM_AUDIENCE, 0x60 + audience_bytes)),
        f"{audience_bytes}s",
        *USUAL_END,
    )


_USUAL_LAYOUTS = {
    size_of(each): each for each in map(_usual_layout, range(MAX_USUAL_AUDIENCE_BYTES + 1))
}


def open_usual(data: bytes) -> UsualParts | None:
    """Takes a code apart if it is laid out as the identity service does it, else None.

    Nothing is parsed: one comparison covers all bytes that are not values.
    """
    usual = _USUAL_LAYOUTS.get(len(data))
    if usual is None:
        return None
    parts, fixed, expected = usual
    if int.from_bytes(data, "big") & fixed != expected:
        return None
    return parts.unpack(data)


def usual_claims(parts: UsualParts) -> Claims:
    """Returns the claims of a usual code; that it is signed does not mean that it is sane.

    Raises:
        QrError: `malformed`.
    """
    key_id, issuer, subject, audience, expire, issue, code_id, _ = parts
    try:
        claims = Claims(
            "A",
            issuer.decode(),
            subject.decode(),
            audience.decode(),
            issue,
            expire,
            code_id,
            key_id,
        )
    except UnicodeDecodeError:
        raise QrError("malformed", "the claims: text is not UTF-8") from None
    # Four bytes cannot state a second after the calendar's end.
    if (
        len(claims.subject) != SUBJECT_CHARACTERS
        or issue < LEAST_OF_FOUR_BYTES
        or not 0 < expire - issue <= MAX_LIFE_SECONDS
    ):
        raise QrError("malformed", "a claim is not of its length, form or range")
    return claims


def read_claims(payload: bytes, key_id: bytes) -> Claims:
    """Returns the claims of any payload, by the strict decoder.

    Raises:
        QrError: `malformed`; not deterministic CBOR, or not exactly the six claims with
            their types, lengths and ranges.
    """
    try:
        values = _cbor.decode(payload)
    except _cbor.CborError as error:
        raise QrError("malformed", f"the claims: {error}") from None
    if not isinstance(values, dict) or values.keys() != _LABELS:
        raise QrError("malformed", "not exactly the claims of this profile")
    issuer, subject, audience = values[CLAIM_ISSUER], values[CLAIM_SUBJECT], values[CLAIM_AUDIENCE]
    expire, issue, code_id = values[CLAIM_EXPIRE], values[CLAIM_ISSUE], values[CLAIM_CODE_ID]
    if not (
        isinstance(issuer, str)
        and isinstance(subject, str)
        and isinstance(audience, str)
        and isinstance(expire, int)
        and isinstance(issue, int)
        and isinstance(code_id, bytes)
        and len(subject) == SUBJECT_CHARACTERS
        and len(code_id) == CODE_ID_BYTES
    ):
        raise QrError("malformed", "a claim is not of its type or length")
    check_life(issue, expire)
    return Claims("A", issuer, subject, audience, issue, expire, code_id, key_id)
