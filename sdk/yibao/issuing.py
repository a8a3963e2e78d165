"""For who issues: everything that is signed in the formats that `yibao.qr` verifies.

Hospitals and phones need none of it. A key never comes here, only its id and what signs
with it (`Sign`), so it may lie in a file or in a hardware module:

    key_id = key_id_of(public_key)
    text = code_text(sign_message(claims, key_id=key_id, sign=private_key.sign))

What is read back here is a document of one's own: its signature is not looked at.
`docs/coding/qr-token.md` and `docs/coding/trust.md` state the formats.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from yibao import _base45, _cbor, _root, _status_list, _token, _trust_format
from yibao._device import DeviceCertificate, encode_device_certificate
from yibao._ed25519 import load_public_key
from yibao._root import RootContent, SignedRoot, open_root
from yibao._status_list import StatusList, bits_of
from yibao._token import PUBLIC_KEY_BYTES, QrError, key_id_of
from yibao._trust_format import BoundList, KeyEntry, KeyState, SnapshotContent, list_uri

__all__ = [
    "PUBLIC_KEY_BYTES",
    "BoundList",
    "DeviceCertificate",
    "KeyEntry",
    "KeyState",
    "QrError",
    "RootContent",
    "Sign",
    "SignedRoot",
    "SnapshotContent",
    "StatusList",
    "bits_of",
    "code_text",
    "draft_root",
    "encode_device_certificate",
    "encode_snapshot",
    "key_id_of",
    "list_uri",
    "load_public_key",
    "open_root",
    "read_root",
    "read_snapshot",
    "read_status_list",
    "sign_message",
    "sign_root",
    "sign_status_list",
]

# Returns the Ed25519 signature, 64 bytes, of what it is given.
Sign: TypeAlias = Callable[[bytes], bytes]


def sign_message(payload: bytes, *, key_id: bytes, sign: Sign) -> bytes:
    """Returns the signed message of a code, a device certificate or a snapshot.

    Raises:
        ValueError: The payload is shorter than 24 or longer than 65,535 bytes, or an id or
            signature has not its length.
    """
    opening = _token.frame_opening(key_id)
    return _token.close_frame(opening, payload, sign(_token.bytes_to_sign(opening, payload)))


def code_text(message: bytes) -> str:
    """Returns the text to draw of a signed code: `MI1-` and base45."""
    return _token.TEXT_PREFIX + _base45.encode(message)


def encode_snapshot(content: SnapshotContent) -> bytes:
    """Returns the payload of a trust snapshot, its keys, lists and denied ids in order."""
    return _trust_format.encode(content)


def read_snapshot(document: bytes) -> SnapshotContent:
    """Returns what a signed snapshot states, without verifying it.

    Raises:
        QrError: `malformed`.
    """
    frame = _token.open_frame(document, max_payload=_token.MAX_SNAPSHOT_PAYLOAD_BYTES)
    try:
        return _trust_format.decode(frame.payload)
    except (_cbor.CborError, _trust_format.FormatError) as error:
        raise QrError("malformed", f"the snapshot: {error}") from None


def sign_status_list(content: StatusList, *, key_id: bytes, sign: Sign) -> bytes:
    """Returns the signed list."""
    payload = _status_list.encode_claims(content)
    signature = sign(_status_list.bytes_to_sign(key_id, payload))
    return _status_list.close(key_id, payload, signature)


def read_status_list(document: bytes) -> tuple[bytes, StatusList]:
    """Returns who signed a list, by key id, and what it states, without verifying it.

    Raises:
        QrError: `malformed`.
    """
    signed = _status_list.open_list(document)
    return signed.key_id, _status_list.decode_claims(signed.payload)


def draft_root(content: RootContent) -> SignedRoot:
    """Returns a root document that nobody has signed yet."""
    return SignedRoot(_root.encode_content(content))


def read_root(document: SignedRoot) -> RootContent:
    """Returns what a root document states, whoever has signed it.

    Raises:
        QrError: `malformed`.
    """
    return _root.decode_content(document.payload)


def sign_root(document: SignedRoot, *, key_id: bytes, sign: Sign) -> SignedRoot:
    """Returns the document with one signature more, or with another of the same key."""
    signature = sign(_root.bytes_to_sign(key_id, document.payload))
    return replace(document, signatures={**document.signatures, key_id: signature})
