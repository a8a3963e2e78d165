"""Status lists: one bit for each device certificate or attestation, set where it is revoked.

The format is the Token Status List as a CWT with one bit an entry, in one frame of which
every byte is fixed but the key id and the length of the payload:

    d2 84                                          tag 18, an array of 4
    58 2a a3 01 27 04 48 <8 bytes>                 protected: {1: -8 EdDSA, 4: key id,
          10 78 1a "application/statuslist+cwt"     16: type}
    a0                                             nothing unprotected
    <head> <payload>                               claims
    58 40 <64 bytes>                               signature
"""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from yibao import _cbor
from yibao._token import KEY_ID_BYTES, SIGNATURE_BYTES, QrError, check_length
from yibao._trust_format import LAST_SECOND, MAX_LIFE_SECONDS, region_of_list

MAX_ENTRIES: Final = 1 << 20
MAX_BITS_BYTES: Final = MAX_ENTRIES // 8
# Bits that do not compress grow by less than a thousandth; the claims are about 60 bytes.
MAX_LIST_BYTES: Final = MAX_BITS_BYTES + 1024

_SUBJECT, _EXPIRE, _ISSUE, _STATUS, _REFRESH = 2, 4, 6, 65533, 65534
_LABELS = frozenset((_SUBJECT, _EXPIRE, _ISSUE, _STATUS, _REFRESH))
_TYPE = b"application/statuslist+cwt"
_OPENING = bytes.fromhex("d284582aa301270448")
_REST = bytes((0x10, 0x78, len(_TYPE))) + _TYPE
_PROTECTED_AT = 4
_PAYLOAD_AT = len(_OPENING) + KEY_ID_BYTES + len(_REST) + 1
_CLOSING = bytes.fromhex("5840")
_SIGNED_OPENING = b"\x84\x6aSignature1\x58\x2a"


@dataclass(frozen=True, slots=True)
class StatusList:
    """The bits of one list; times in seconds since 1970, `expire_second` exclusive."""

    uri: str
    issue_second: int
    expire_second: int
    refresh_seconds: int
    bits: bytes

    @property
    def region(self) -> str:
        """The pooling region that the list belongs to."""
        region = region_of_list(self.uri)
        if region is None:
            raise ValueError("not the name of a status list")
        return region

    def is_set(self, index: int) -> bool:
        """Tells whether the certificate at `index` is revoked.

        Raises:
            QrError: `malformed`; the list has no such entry, so it states nothing.
        """
        if not 0 <= index < len(self.bits) * 8:
            raise QrError("malformed", "the certificate names an entry that its list has not")
        return bool(self.bits[index >> 3] >> (index & 7) & 1)


@dataclass(frozen=True, slots=True)
class SignedList:
    """A list taken apart by its fixed bytes, unverified."""

    key_id: bytes
    payload: bytes
    signature: bytes
    signed: bytes


def bits_of(revoked: Iterable[int], *, entries: int = MAX_ENTRIES) -> bytes:
    """Returns the bits of a list, the least significant of the first byte for entry 0.

    Raises:
        ValueError: The list would have too many entries, or one that is revoked is none.
    """
    if not 0 < entries <= MAX_ENTRIES:
        raise ValueError("a status list has from 1 to 1048576 entries")
    bits = bytearray((entries + 7) // 8)
    for index in revoked:
        if not 0 <= index < entries:
            raise ValueError("an entry outside of its status list")
        bits[index >> 3] |= 1 << (index & 7)
    return bytes(bits)


def encode_claims(content: StatusList) -> bytes:
    """Returns the claims to be signed."""
    return _cbor.encode(
        {
            _SUBJECT: content.uri,
            _EXPIRE: content.expire_second,
            _ISSUE: content.issue_second,
            _STATUS: {"bits": 1, "lst": zlib.compress(content.bits, 9)},
            _REFRESH: content.refresh_seconds,
        }
    )


def bytes_to_sign(key_id: bytes, payload: bytes) -> bytes:
    """Returns the Sig_structure over `payload`."""
    return b"".join((_SIGNED_OPENING, _protected(key_id), b"\x40", _cbor.encode(payload)))


def close(key_id: bytes, payload: bytes, signature: bytes) -> bytes:
    """Returns the whole message."""
    check_length(signature, SIGNATURE_BYTES, "a signature")
    opening = _OPENING + key_id + _REST
    return b"".join((opening, b"\xa0", _cbor.encode(payload), _CLOSING, signature))


def open_list(data: bytes) -> SignedList:
    """Takes a list apart by its fixed bytes.

    Raises:
        QrError: `malformed`.
    """
    if not _PAYLOAD_AT + 24 < len(data) <= MAX_LIST_BYTES:
        raise QrError("malformed", "not the length of a status list")
    key_id = data[len(_OPENING) : len(_OPENING) + KEY_ID_BYTES]
    if data[:_PAYLOAD_AT] != _OPENING + key_id + _REST + b"\xa0":
        raise QrError("malformed", "not the header of a status list")
    closing_at = len(data) - SIGNATURE_BYTES - len(_CLOSING)
    if data[closing_at : closing_at + len(_CLOSING)] != _CLOSING:
        raise QrError("malformed", "not a signature of 64 bytes at the end")
    try:
        payload = _cbor.decode(data[_PAYLOAD_AT:closing_at])
    except _cbor.CborError as error:
        raise QrError("malformed", f"the status list's frame: {error}") from None
    if not isinstance(payload, bytes):
        raise QrError("malformed", "the status list's claims are not a byte string")
    signature = data[-SIGNATURE_BYTES:]
    return SignedList(key_id, payload, signature, bytes_to_sign(key_id, payload))


def decode_claims(
    payload: bytes, *, region_of: Callable[[str], str | None] = region_of_list
) -> StatusList:
    """Returns the claims of a list whose signature holds.

    Args:
        payload: The claims.
        region_of: Tells whose list a name is, or None where it names none of this kind.

    Raises:
        QrError: `malformed`; also where the bits are more than the most entries, which is
            found before they are all unpacked.
    """
    try:
        claims = _cbor.decode(payload)
    except _cbor.CborError as error:
        raise QrError("malformed", f"the status list's claims: {error}") from None
    if not isinstance(claims, dict) or claims.keys() != _LABELS:
        raise QrError("malformed", "not exactly the claims of a status list")
    uri, issue, expire = claims[_SUBJECT], claims[_ISSUE], claims[_EXPIRE]
    refresh, status = claims[_REFRESH], claims[_STATUS]
    if not (
        isinstance(uri, str)
        and region_of(uri) is not None
        and isinstance(issue, int)
        and isinstance(expire, int)
        and isinstance(refresh, int)
        and 0 <= issue < expire <= LAST_SECOND
        and expire - issue <= MAX_LIFE_SECONDS
        and 0 < refresh <= expire - issue
    ):
        raise QrError("malformed", "a claim of the status list is not of its type or range")
    return StatusList(uri, issue, expire, refresh, _bits(status))


def _bits(status: _cbor.Value) -> bytes:
    if not isinstance(status, dict) or status.keys() != {"bits", "lst"} or status["bits"] != 1:
        raise QrError("malformed", "not a status list of one bit an entry")
    packed = status["lst"]
    if not isinstance(packed, bytes):
        raise QrError("malformed", "the status list's bits are not a byte string")
    unpacker = zlib.decompressobj()
    try:
        # One byte more than allowed tells a longer list from the longest.
        bits = unpacker.decompress(packed, MAX_BITS_BYTES + 1)
    except zlib.error:
        raise QrError("malformed", "the status list's bits cannot be unpacked") from None
    if not unpacker.eof or unpacker.unused_data or not 0 < len(bits) <= MAX_BITS_BYTES:
        raise QrError("malformed", "the status list's bits are cut short, too many or followed")
    return bits


def _protected(key_id: bytes) -> bytes:
    check_length(key_id, KEY_ID_BYTES, "a key id")
    return _OPENING[_PROTECTED_AT:] + key_id + _REST
