"""The device certificate of mode B: the issuer states that a key is a holder's phone's.

The issuer makes its payload with `encode_device_certificate` and signs that in the frame
of `_token`, with a key for this use alone (`cred`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from yibao import _cbor, _device_key
from yibao._claims import LEAST_OF_FOUR_BYTES
from yibao._device_key import ED25519_KEY_BYTES, P256_KEY_BYTES
from yibao._layout import Layout, layout, size_of
from yibao._token import (
    CLAIM_CODE_ID,
    CLAIM_DEVICE_KEY,
    CLAIM_EXPIRE,
    CLAIM_ISSUE,
    CLAIM_ISSUER,
    CLAIM_STATUS,
    CLAIM_SUBJECT,
    MAX_CODE_PAYLOAD_BYTES,
    SUBJECT_CHARACTERS,
    QrError,
    open_short_frame,
)
from yibao._trust_format import LAST_SECOND, region_of_list

CERTIFICATE_ID_BYTES: Final = 8
# The longest life that a verifier accepts; the issuer gives 24 to 72 hours.
MAX_CERTIFICATE_LIFE_SECONDS: Final = 72 * 3600
# A status list has 2**20 bits.
MAX_STATUS_INDEX: Final = 2**20 - 1

# cnf holds a COSE_Key (RFC 8747) of kty OKP with crv Ed25519, or kty EC2 with crv P-256.
_COSE_KEY = 1
_KTY, _CRV, _X, _Y = 1, -1, -2, -3
_OKP_ED25519 = (1, 6)
_EC2_P256 = (2, 1)
_COORDINATE_BYTES = 32
_STATUS_LIST, _INDEX, _URI = "status_list", "idx", "uri"

_LABELS = frozenset(
    (
        CLAIM_ISSUER,
        CLAIM_SUBJECT,
        CLAIM_EXPIRE,
        CLAIM_ISSUE,
        CLAIM_CODE_ID,
        CLAIM_DEVICE_KEY,
        CLAIM_STATUS,
    )
)


def _usual_layout(uri_bytes: int) -> Layout:
    """Returns the layout of nearly all certificates.

    Of an Ed25519 key, with the entry of the status list in four bytes.
    """
    return layout(
        b"\xa7\x01\x66",
        "6s",
        b"\x02\x6d",
        f"{SUBJECT_CHARACTERS}s",
        b"\x04\x1a",
        "I",
        b"\x06\x1a",
        "I",
        b"\x07\x48",
        f"{CERTIFICATE_ID_BYTES}s",
        b"\x08\xa1\x01\xa3\x01\x01\x20\x06\x21\x58\x20",
        f"{ED25519_KEY_BYTES}s",
        b"\x19\xff\xff\xa1\x6bstatus_list\xa2\x63idx\x1a",
        "I",
        b"\x63uri" + bytes((0x60 + uri_bytes,)),
        f"{uri_bytes}s",
    )


_USUAL_LAYOUTS = {size_of(each): each for each in map(_usual_layout, range(24))}


@dataclass(frozen=True, slots=True)
class DeviceCertificate:
    """What the issuer states of a phone; seconds are since 1970, the last one exclusive.

    `issuer` is the pooling region of the holder, `subject` the opaque reference of the
    e-certificate, 13 characters. `device_certificate_id` is random, 8 bytes. `device_key` is
    raw: 32 bytes of Ed25519, or 65 of an uncompressed point of P-256. The bit
    `status_index` of the status list `status_uri` (of the same region) tells whether the
    certificate is revoked.
    """

    issuer: str
    subject: str
    issue_second: int
    expire_second: int
    device_certificate_id: bytes
    device_key: bytes
    status_uri: str
    status_index: int


def encode_device_certificate(certificate: DeviceCertificate) -> bytes:
    """Returns the payload that the issuer signs.

    Raises:
        QrError: `malformed`; a verifier would refuse it.
    """
    payload = _cbor.encode(
        {
            CLAIM_ISSUER: certificate.issuer,
            CLAIM_SUBJECT: certificate.subject,
            CLAIM_EXPIRE: certificate.expire_second,
            CLAIM_ISSUE: certificate.issue_second,
            CLAIM_CODE_ID: certificate.device_certificate_id,
            CLAIM_DEVICE_KEY: {_COSE_KEY: _cose_key(certificate.device_key)},
            CLAIM_STATUS: {
                _STATUS_LIST: {_INDEX: certificate.status_index, _URI: certificate.status_uri}
            },
        }
    )
    if len(payload) > MAX_CODE_PAYLOAD_BYTES:
        raise QrError("malformed", "the certificate is too long")
    load_device_key(decode_device_certificate(payload))
    return payload


def decode_device_certificate(payload: bytes) -> DeviceCertificate:
    """Returns what a payload states; that it is signed does not mean that it is sane.

    Raises:
        QrError: `malformed`; not exactly these claims with their types and ranges.
    """
    usual = _USUAL_LAYOUTS.get(len(payload))
    if usual is not None:
        parts, fixed, expected = usual
        if int.from_bytes(payload, "big") & fixed == expected:
            return _usual_certificate(*parts.unpack(payload))
    return read_certificate(payload)


def _usual_certificate(
    issuer: bytes,
    subject: bytes,
    expire: int,
    issue: int,
    device_certificate_id: bytes,
    device_key: bytes,
    index: int,
    uri: bytes,
) -> DeviceCertificate:
    if issue < LEAST_OF_FOUR_BYTES or index < LEAST_OF_FOUR_BYTES:
        raise QrError("malformed", "the certificate: an integer is longer than needed")
    try:
        certificate = DeviceCertificate(
            issuer.decode(),
            subject.decode(),
            issue,
            expire,
            device_certificate_id,
            device_key,
            uri.decode(),
            index,
        )
    except UnicodeDecodeError:
        raise QrError("malformed", "the certificate: text is not UTF-8") from None
    _check_ranges(certificate)
    return certificate


def read_certificate(payload: bytes) -> DeviceCertificate:
    """Returns what any payload states, by the strict decoder.

    Raises:
        QrError: `malformed`; not exactly these claims with their types and ranges.
    """
    try:
        claims = _cbor.decode(payload)
    except _cbor.CborError as error:
        raise QrError("malformed", f"the certificate: {error}") from None
    _require(isinstance(claims, dict) and claims.keys() == _LABELS, "not exactly its claims")
    assert isinstance(claims, dict)
    issuer, subject = claims[CLAIM_ISSUER], claims[CLAIM_SUBJECT]
    issue, expire = claims[CLAIM_ISSUE], claims[CLAIM_EXPIRE]
    device_certificate_id = claims[CLAIM_CODE_ID]
    if not (
        isinstance(issuer, str)
        and isinstance(subject, str)
        and isinstance(issue, int)
        and isinstance(expire, int)
        and isinstance(device_certificate_id, bytes)
    ):
        raise QrError("malformed", "the certificate: a claim is not of its type")
    key = _device_key_of(_only(claims[CLAIM_DEVICE_KEY], _COSE_KEY))
    uri, index = _status_of(_only(claims[CLAIM_STATUS], _STATUS_LIST))
    certificate = DeviceCertificate(
        issuer, subject, issue, expire, device_certificate_id, key, uri, index
    )
    _check_ranges(certificate)
    return certificate


def _check_ranges(certificate: DeviceCertificate) -> None:
    if not (
        len(certificate.subject) == SUBJECT_CHARACTERS
        and len(certificate.device_certificate_id) == CERTIFICATE_ID_BYTES
        and 0 <= certificate.issue_second < certificate.expire_second <= LAST_SECOND
        and certificate.expire_second - certificate.issue_second <= MAX_CERTIFICATE_LIFE_SECONDS
        and 0 <= certificate.status_index <= MAX_STATUS_INDEX
        and region_of_list(certificate.status_uri) == certificate.issuer
    ):
        raise QrError("malformed", "the certificate: a claim is not of its length or range")


def load_device_key(certificate: DeviceCertificate) -> _device_key.PublicKey:
    """Returns the key that a certificate states, ready for use.

    Raises:
        QrError: `malformed`; it is of low order, not canonical or not on its curve.
    """
    try:
        return _device_key.load(certificate.device_key)
    except ValueError as error:
        raise QrError("malformed", f"the certificate: {error}") from None


def certified(certificate: bytes) -> DeviceCertificate:
    """Returns what a signed certificate states, without verifying who signed it.

    Raises:
        QrError: `malformed`.
    """
    _, payload, _ = open_short_frame(certificate)
    return decode_device_certificate(payload)


def _cose_key(raw: bytes) -> Mapping[int | str, _cbor.Value]:
    if len(raw) == ED25519_KEY_BYTES:
        kty, crv = _OKP_ED25519
        return {_KTY: kty, _CRV: crv, _X: raw}
    if len(raw) != P256_KEY_BYTES:
        raise ValueError("a device key has the length of Ed25519 or of an uncompressed P-256")
    kty, crv = _EC2_P256
    return {_KTY: kty, _CRV: crv, _X: raw[1:33], _Y: raw[33:]}


def _device_key_of(value: _cbor.Value) -> bytes:
    """Returns the raw key of a COSE_Key that may be a device's."""
    _require(isinstance(value, dict), "its key is not a map")
    assert isinstance(value, dict)
    kind, x, y = (value.get(_KTY), value.get(_CRV)), value.get(_X), value.get(_Y)
    if kind == _OKP_ED25519 and value.keys() == {_KTY, _CRV, _X}:
        raw = _coordinate(x)
    elif kind == _EC2_P256 and value.keys() == {_KTY, _CRV, _X, _Y}:
        raw = b"\x04" + _coordinate(x) + _coordinate(y)
    else:
        raise QrError("malformed", "the certificate: not a key of an accepted kind")
    return raw


def _coordinate(value: _cbor.Value | None) -> bytes:
    _require(isinstance(value, bytes) and len(value) == _COORDINATE_BYTES, "a coordinate")
    assert isinstance(value, bytes)
    return value


def _status_of(value: _cbor.Value) -> tuple[str, int]:
    _require(isinstance(value, dict) and value.keys() == {_INDEX, _URI}, "its status")
    assert isinstance(value, dict)
    uri, index = value[_URI], value[_INDEX]
    _require(isinstance(uri, str) and isinstance(index, int), "its status")
    assert isinstance(uri, str)
    assert isinstance(index, int)
    return uri, index


def _only(value: _cbor.Value, label: int | str) -> _cbor.Value:
    _require(isinstance(value, dict) and value.keys() == {label}, "not one entry as fixed")
    assert isinstance(value, dict)
    only: _cbor.Value = value[label]
    return only


def _require(holds: bool, fault: str) -> None:
    if not holds:
        raise QrError("malformed", f"the certificate: {fault}")
