"""For who issues attestations: what `yibao.attestation` verifies, signed.

The offsite service uses it, and nobody else needs it. A key never comes here, only its id
and what signs with it, as in `yibao.issuing`:

    text = sign_registration(stated, key_id=key_id, sign=private_key.sign)

Before the key signs anything, identity lists it in the trust snapshot: `sign_key_request`
makes what is handed to it, `read_key_request` is identity's side of that.
`docs/coding/attestations.md` states the formats.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature

from yibao import _base45, _cbor, _ed25519, _status_list, _typed_frame
from yibao._attested import (
    MAX_LIFE_SECONDS,
    TEXT_PREFIX,
    USE_ATTEST,
    Attested,
    AttestedHold,
    decode_hold,
    encode_hold,
    encode_registration,
    list_uri,
    region_of_list,
)
from yibao._status_list import StatusList, bits_of
from yibao._token import QrError, key_id_of
from yibao._trust_format import LAST_SECOND, is_region

__all__ = [
    "MAX_LIFE_SECONDS",
    "USE_ATTEST",
    "Attested",
    "AttestedHold",
    "KeyRequest",
    "QrError",
    "Sign",
    "list_uri",
    "read_hold",
    "read_key_request",
    "region_of_list",
    "sign_hold",
    "sign_key_request",
    "sign_list",
    "sign_registration",
]

# Returns the Ed25519 signature, 64 bytes, of what it is given.
Sign: TypeAlias = Callable[[bytes], bytes]

MAX_REGIONS: Final = 64
_PUBLIC_KEY, _USE, _REGIONS, _ISSUE = range(1, 5)


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """That a key be listed for attestations of these regions, rising; seconds since 1970."""

    public_key: bytes
    regions: tuple[str, ...]
    issue_second: int


def sign_registration(stated: Attested, *, key_id: bytes, sign: Sign) -> str:
    """Returns the attestation of a registration: `MR1-` and base45.

    Raises:
        QrError: `malformed`; a verifier would refuse it.
    """
    payload = encode_registration(stated)
    data = _sign(payload, _typed_frame.TYPE_REGISTRATION, key_id=key_id, sign=sign)
    return TEXT_PREFIX + _base45.encode(data)


def sign_hold(stated: AttestedHold, *, key_id: bytes, sign: Sign) -> bytes:
    """Returns the attestation of a hold.

    Raises:
        QrError: `malformed`; a verifier would refuse it.
    """
    return _sign(encode_hold(stated), _typed_frame.TYPE_HOLD, key_id=key_id, sign=sign)


def read_hold(data: bytes) -> AttestedHold:
    """Returns what a hold states and which key is said to have signed it, without verifying it.

    Raises:
        QrError: `malformed`.
    """
    frame = _typed_frame.open_frame(data, _typed_frame.TYPE_HOLD)
    return decode_hold(frame.payload, frame.key_id)


def sign_list(
    uri: str,
    revoked: frozenset[int],
    *,
    issue_second: int,
    life_seconds: int,
    refresh_seconds: int,
    key_id: bytes,
    sign: Sign,
) -> bytes:
    """Returns the status list `uri` on which these entries are set.

    Raises:
        ValueError: An entry is outside of the list, or `uri` is no list of attestations.
    """
    if region_of_list(uri) is None:
        raise ValueError("not the name of a list of attestations")
    expire = issue_second + life_seconds
    content = StatusList(uri, issue_second, expire, refresh_seconds, bits_of(revoked))
    payload = _status_list.encode_claims(content)
    signature = sign(_status_list.bytes_to_sign(key_id, payload))
    return _status_list.close(key_id, payload, signature)


def sign_key_request(request: KeyRequest, *, sign: Sign) -> bytes:
    """Returns the request, signed with the key that it is for: the proof that it is held."""
    payload = _cbor.encode(
        {
            _PUBLIC_KEY: request.public_key,
            _USE: USE_ATTEST,
            _REGIONS: request.regions,
            _ISSUE: request.issue_second,
        }
    )
    key_id = key_id_of(request.public_key)
    return _sign(payload, _typed_frame.TYPE_KEY_REQUEST, key_id=key_id, sign=sign)


def read_key_request(data: bytes) -> KeyRequest:
    """Returns what a request asks for, once its signature shows that the key is held.

    How old it may be, and for which regions the key is listed, is for the caller to decide.

    Raises:
        QrError: `malformed`, also where the key is no point or one of low order;
            `bad_signature`.
    """
    frame = _typed_frame.open_frame(data, _typed_frame.TYPE_KEY_REQUEST)
    try:
        values = _cbor.decode(frame.payload, max_entries=MAX_REGIONS)
    except _cbor.CborError as error:
        raise QrError("malformed", f"the request: {error}") from None
    if not isinstance(values, dict) or values.keys() != {_PUBLIC_KEY, _USE, _REGIONS, _ISSUE}:
        raise QrError("malformed", "not exactly what a request has")
    public_key, regions, issue = values[_PUBLIC_KEY], values[_REGIONS], values[_ISSUE]
    if not (
        isinstance(public_key, bytes)
        and values[_USE] == USE_ATTEST
        and isinstance(issue, int)
        and 0 <= issue <= LAST_SECOND
    ):
        raise QrError("malformed", "a part of the request is not of its type or range")
    try:
        key = _ed25519.load_public_key(public_key)
    except ValueError as error:
        raise QrError("malformed", f"the request: {error}") from None
    if key_id_of(public_key) != frame.key_id:
        raise QrError("malformed", "the request is signed in the name of another key")
    try:
        _ed25519.verify(key, frame.signature, frame.signed)
    except InvalidSignature:
        raise QrError("bad_signature", "the key that is asked for did not sign") from None
    return KeyRequest(public_key, _read_regions(regions), issue)


def _read_regions(value: _cbor.Value) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise QrError("malformed", "a request without regions")
    regions = [each for each in value if isinstance(each, str) and is_region(each)]
    if regions != value or regions != sorted(set(regions)):
        raise QrError("malformed", "regions that are none, repeated or out of order")
    return tuple(regions)


def _sign(payload: bytes, message_type: str, *, key_id: bytes, sign: Sign) -> bytes:
    opening = _typed_frame.opening_of(key_id, message_type)
    signature = sign(_typed_frame.bytes_to_sign(opening, payload))
    return _typed_frame.close_frame(opening, payload, signature)
