"""The root of trust: which keys may sign trust snapshots, signed by offline keys.

A COSE_Sign (RFC 9052, tag 98) over deterministic CBOR, so that several holders sign one
document one after the other: `docs/coding/trust.md`. The first root ships with the
scanner; each later one is signed by the threshold of the one before and by its own.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from cryptography.exceptions import InvalidSignature

from yibao import _cbor
from yibao._ed25519 import load_public_key, verify
from yibao._token import (
    KEY_ID_BYTES,
    PUBLIC_KEY_BYTES,
    SIGNATURE_BYTES,
    QrError,
    check_signed_by,
    key_id_of,
    unix_seconds,
)
from yibao._trust_format import LAST_SECOND

LEAST_ROOT_KEYS: Final = 3
MOST_ROOT_KEYS: Final = 5
LEAST_THRESHOLD: Final = 2
MOST_TRUST_KEYS: Final = 4
MAX_LIFE_SECONDS: Final = 3 * 366 * 86_400
# The keys of two roots sign where one follows the other.
MOST_SIGNATURES: Final = 2 * MOST_ROOT_KEYS
MAX_ROOT_BYTES: Final = 4096

_VERSION, _ISSUE, _EXPIRE, _ROOT_KEYS, _THRESHOLD, _TRUST_KEYS = range(1, 7)
_TAG = b"\xd8\x62"
# {1: -8, 4: key id}
_SIGNER_OPENING = bytes.fromhex("a201270448")


@dataclass(frozen=True, slots=True)
class RootContent:
    """What the holders of the root keys sign; keys are raw, 32 bytes, in rising order."""

    version: int
    issue_second: int
    expire_second: int
    root_keys: tuple[bytes, ...]
    threshold: int
    trust_keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignedRoot:
    """A root document taken apart: the content's bytes and signatures by key id."""

    payload: bytes
    signatures: Mapping[bytes, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Returns the document, signatures in the order of their key ids."""
        signatures: list[_cbor.Value] = [
            [_SIGNER_OPENING + key_id, {}, signature]
            for key_id, signature in sorted(self.signatures.items())
        ]
        return _TAG + _cbor.encode([b"", {}, self.payload, signatures])

    def signers(self, keys: Iterable[bytes]) -> frozenset[bytes]:
        """Returns which of these raw keys have signed; other signatures are left alone.

        Raises:
            QrError: `bad_signature`; one in the name of such a key does not fit.
        """
        signed = set()
        for raw in keys:
            key_id = key_id_of(raw)
            signature = self.signatures.get(key_id)
            if signature is None:
                continue
            try:
                verify(load_public_key(raw), signature, bytes_to_sign(key_id, self.payload))
            except InvalidSignature:
                raise QrError("bad_signature", "a signature does not fit the root") from None
            signed.add(raw)
        return frozenset(signed)


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A verified root document. Made by `first` and `successor` alone."""

    version: int
    issue_time: dt.datetime
    expire_time: dt.datetime
    root_keys: tuple[bytes, ...]
    threshold: int
    trust_keys: tuple[bytes, ...]
    digest: bytes

    @property
    def trust_key_ids(self) -> frozenset[bytes]:
        """The ids of the keys that may sign snapshots."""
        return frozenset(map(key_id_of, self.trust_keys))

    @classmethod
    def first(cls, data: bytes) -> "TrustRoot":
        """Returns the root that a scanner ships with; whoever shipped it vouches for it.

        Raises:
            QrError: `malformed`, or `bad_signature` where the threshold is not met.
        """
        document = open_root(data)
        root = cls._of(document)
        root._check_signed(document)
        return root

    def successor(self, data: bytes) -> "TrustRoot":
        """Returns the root that follows this one.

        Raises:
            QrError: `malformed`; `stale_trust` where it is not the next version;
                `bad_signature` where the threshold of this root or of the new one is not
                met.
        """
        document = open_root(data)
        root = self._of(document)
        if root.version != self.version + 1:
            raise QrError("stale_trust", f"root {root.version} does not follow {self.version}")
        self._check_signed(document)
        root._check_signed(document)
        return root

    def check_age(self, now: dt.datetime) -> None:
        """Checks that the root has not expired at `now`.

        Raises:
            QrError: `stale_trust`.
        """
        if unix_seconds(now) >= self.expire_time.timestamp():
            raise QrError("stale_trust", "the root of trust has expired; fetch its successor")

    def check_clock(self, now: dt.datetime) -> None:
        """Checks that the root was not signed over 60 s after `now`.

        Raises:
            QrError: `clock_suspect`.
        """
        check_signed_by(self.issue_time.timestamp(), now, what="root")

    @classmethod
    def _of(cls, document: SignedRoot) -> "TrustRoot":
        content = decode_content(document.payload)
        return cls(
            content.version,
            dt.datetime.fromtimestamp(content.issue_second, dt.timezone.utc),
            dt.datetime.fromtimestamp(content.expire_second, dt.timezone.utc),
            content.root_keys,
            content.threshold,
            content.trust_keys,
            # Of what is signed: a document with one signature more is the same root.
            hashlib.sha256(document.payload).digest(),
        )

    def _check_signed(self, document: SignedRoot) -> None:
        signers = document.signers(self.root_keys)
        if len(signers) < self.threshold:
            raise QrError(
                "bad_signature",
                f"{len(signers)} of the keys of root {self.version} signed, "
                f"{self.threshold} have to",
            )


def encode_content(content: RootContent) -> bytes:
    """Returns the content as bytes, keys in order."""
    return _cbor.encode(
        {
            _VERSION: content.version,
            _ISSUE: content.issue_second,
            _EXPIRE: content.expire_second,
            _ROOT_KEYS: sorted(content.root_keys),
            _THRESHOLD: content.threshold,
            _TRUST_KEYS: sorted(content.trust_keys),
        }
    )


def bytes_to_sign(key_id: bytes, payload: bytes) -> bytes:
    """Returns the Sig_structure of one signer."""
    return _cbor.encode(["Signature", b"", _SIGNER_OPENING + key_id, b"", payload])


def open_root(data: bytes) -> SignedRoot:
    """Takes a document apart.

    Raises:
        QrError: `malformed`.
    """
    if not data.startswith(_TAG) or len(data) > MAX_ROOT_BYTES:
        raise QrError("malformed", "not a root document")
    try:
        parts = _cbor.decode(data[len(_TAG) :])
    except _cbor.CborError as error:
        raise QrError("malformed", f"the root's frame: {error}") from None
    if not isinstance(parts, list) or len(parts) != 4 or parts[0] != b"" or parts[1] != {}:
        raise QrError("malformed", "not the frame of a root document")
    payload, signatures = parts[2], parts[3]
    if not isinstance(payload, bytes) or not isinstance(signatures, list):
        raise QrError("malformed", "not the frame of a root document")
    if len(signatures) > MOST_SIGNATURES:
        raise QrError("malformed", "more signatures than two roots have keys")
    pairs = [_signature(entry) for entry in signatures]
    if not all(low[0] < high[0] for low, high in pairwise(pairs)):
        raise QrError("malformed", "signatures are repeated or out of order")
    return SignedRoot(payload, dict(pairs))


def _signature(entry: _cbor.Value) -> tuple[bytes, bytes]:
    if not isinstance(entry, list) or len(entry) != 3 or entry[1] != {}:
        raise QrError("malformed", "not a signature of a root document")
    header, signature = entry[0], entry[2]
    if (
        not isinstance(header, bytes)
        or not isinstance(signature, bytes)
        or len(header) != len(_SIGNER_OPENING) + KEY_ID_BYTES
        or not header.startswith(_SIGNER_OPENING)
        or len(signature) != SIGNATURE_BYTES
    ):
        raise QrError("malformed", "not a signature of a root document")
    return header[len(_SIGNER_OPENING) :], signature


def decode_content(payload: bytes) -> RootContent:
    """Returns the content of a root document.

    Raises:
        QrError: `malformed`.
    """
    try:
        fields = _cbor.decode(payload)
    except _cbor.CborError as error:
        raise QrError("malformed", f"the root's content: {error}") from None
    if not isinstance(fields, dict) or fields.keys() != set(range(1, 7)):
        raise QrError("malformed", "not exactly the content of a root")
    version, issue, expire = fields[_VERSION], fields[_ISSUE], fields[_EXPIRE]
    threshold = fields[_THRESHOLD]
    root_keys = _keys(fields[_ROOT_KEYS], least=LEAST_ROOT_KEYS, most=MOST_ROOT_KEYS)
    trust_keys = _keys(fields[_TRUST_KEYS], least=1, most=MOST_TRUST_KEYS)
    if not (
        isinstance(version, int)
        and isinstance(issue, int)
        and isinstance(expire, int)
        and isinstance(threshold, int)
        and 1 <= version < 1 << 31
        and 0 <= issue < expire <= LAST_SECOND
        and expire - issue <= MAX_LIFE_SECONDS
        and LEAST_THRESHOLD <= threshold <= len(root_keys)
    ):
        raise QrError("malformed", "a number of the root is out of its range")
    if set(root_keys) & set(trust_keys):
        raise QrError("malformed", "a root key is listed as a trust key")
    return RootContent(version, issue, expire, root_keys, threshold, trust_keys)


def _keys(value: _cbor.Value, *, least: int, most: int) -> tuple[bytes, ...]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise QrError("malformed", f"not {least} to {most} keys")
    keys = [key for key in value if isinstance(key, bytes) and len(key) == PUBLIC_KEY_BYTES]
    if len(keys) < len(value) or not all(low < high for low, high in pairwise(keys)):
        raise QrError("malformed", "keys of the root are none, repeated or out of order")
    try:
        for key in keys:
            load_public_key(key)
    except ValueError as error:
        raise QrError("malformed", f"the root lists a key that is none: {error}") from None
    return tuple(keys)
