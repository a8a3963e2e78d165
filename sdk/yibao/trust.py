"""The trust snapshot: which keys may sign what, itself signed by a trust key.

`yibao.trust_store.TrustStore` fetches it, keeps it and verifies it against the root that
the scanner was shipped with. Who moves the bytes otherwise stores them as they are and
verifies them each time they are loaded. Format: `docs/coding/trust.md`.
"""

import datetime as dt
import enum
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from yibao import _cbor, _ed25519, _status_list, _trust_format
from yibao._ed25519 import load_public_key
from yibao._root import TrustRoot
from yibao._status_list import StatusList
from yibao._token import (
    MAX_SNAPSHOT_PAYLOAD_BYTES,
    Frame,
    QrError,
    check_signed_by,
    key_id_of,
    open_frame,
    unix_seconds,
)
from yibao._trust_format import BoundList, FormatError, KeyEntry, KeyState, SnapshotContent

__all__ = [
    "AgeState",
    "BoundList",
    "KeyState",
    "QrError",
    "StatusList",
    "TrustRoot",
    "TrustSnapshot",
    "TrustedKey",
]

# Up to this age a snapshot serves in silence, after it with a warning.
SOFT_AGE: Final = dt.timedelta(hours=24)


class AgeState(enum.Enum):
    """How far a verifier may rely on its snapshot.

    FRESH: silently. AGEING, over 24 h: with a warning to the operator; accept small
    amounts only, or ask online. STALE, past the hard age: not at all.
    """

    FRESH = 1
    AGEING = 2
    STALE = 3


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that may sign for its issuers, for its one use, in its time.

    A `next` key is published before its time, so that a verifier with an older snapshot
    knows it when it comes into use: times decide, not the state. Only a killed key is
    never accepted, whatever time its code states, because its thief writes that time.
    """

    key_id: bytes
    public_key: Ed25519PublicKey
    issuers: frozenset[str]
    start_second: int
    expire_second: int
    state: KeyState
    use: str = _trust_format.USE_TOKEN

    @property
    def is_killed(self) -> bool:
        """Whether the key is withdrawn for good."""
        return self.state is KeyState.KILLED

    def may_sign(self, *, issuer: str, at_second: int) -> bool:
        """Tells whether it may sign for `issuer` at `at_second`."""
        return (
            self.start_second <= at_second < self.expire_second
            and issuer in self.issuers
            and self.state is not KeyState.KILLED
        )


@dataclass(frozen=True, slots=True)
class TrustSnapshot:
    """A verified snapshot. Made by `verify` alone; immutable and shared by threads.

    `lists` are the status lists that it binds, `status_lists` those of them that
    `with_status_list` has added; both by name.
    """

    version: int
    issue_time: dt.datetime
    expire_time: dt.datetime
    refresh_after: dt.timedelta
    digest: bytes
    keys: Mapping[bytes, TrustedKey]
    expire_second: int
    trust_key_id: bytes
    lists: Mapping[str, BoundList]
    denied: frozenset[bytes]
    status_lists: Mapping[str, StatusList]

    @classmethod
    def verify(
        cls,
        data: bytes,
        *,
        trust_key: bytes | Collection[bytes],
        now: dt.datetime,
        previous: "TrustSnapshot | None" = None,
        root_keys: Collection[bytes] = (),
    ) -> "TrustSnapshot":
        """Returns the snapshot that `data` holds.

        Args:
            data: The snapshot as published.
            trust_key: The raw 32 bytes of the public trust key, or several such keys:
                `TrustRoot.trust_keys`.
            now: The present instant, aware.
            previous: The newest snapshot accepted before; an older version, or another
                content under its version, is refused.
            root_keys: The raw root keys, `TrustRoot.root_keys`: none may be listed.

        Raises:
            QrError: `malformed`; `unknown_key`, not signed with a trust key;
                `bad_signature`; `stale_trust`, past its hard age or older than
                `previous`; `clock_suspect`, `now` is over 60 s before its signing.
            ValueError: `trust_key` is not a key, or `now` is not aware.
        """
        raw_keys = (trust_key,) if isinstance(trust_key, bytes) else tuple(trust_key)
        pinned = {raw: load_public_key(raw) for raw in raw_keys}
        frame = open_frame(data, max_payload=MAX_SNAPSHOT_PAYLOAD_BYTES)
        _check_signature(frame, {key_id_of(raw): key for raw, key in pinned.items()})
        content = _content_of(frame.payload)
        snapshot = cls(
            content.version,
            _instant(content.issue_second),
            _instant(content.expire_second),
            dt.timedelta(seconds=content.refresh_seconds),
            hashlib.sha256(data).digest(),
            MappingProxyType(_trusted_keys(content, {*raw_keys, *root_keys})),
            content.expire_second,
            frame.key_id,
            MappingProxyType({bound.uri: bound for bound in content.lists}),
            frozenset(content.denied),
            MappingProxyType({}),
        )
        check_signed_by(content.issue_second, now, what="snapshot")
        snapshot.check_age(now)
        if previous is not None:
            snapshot.check_follows(previous)
        return snapshot

    def check_age(self, now: dt.datetime) -> None:
        """Checks that the snapshot has not reached its hard age at `now`.

        Raises:
            QrError: `stale_trust`.
        """
        if unix_seconds(now) >= self.expire_second:
            raise QrError("stale_trust", "the trust snapshot is past its hard age; fetch a new one")

    def age_state(self, now: dt.datetime) -> AgeState:
        """Tells how far a verifier may rely on the snapshot at `now`."""
        if unix_seconds(now) >= self.expire_second:
            return AgeState.STALE
        return AgeState.FRESH if now <= self.issue_time + SOFT_AGE else AgeState.AGEING

    def check_follows(self, previous: "TrustSnapshot") -> None:
        """Checks that this snapshot may take the place of `previous`.

        Raises:
            QrError: `stale_trust`; its version is lower, or equal with other content.
        """
        if self.version < previous.version:
            raise QrError("stale_trust", "the snapshot is older than the one in use")
        if self.version == previous.version and self.digest != previous.digest:
            raise QrError("stale_trust", "the snapshot bears the version of another one")

    def needs_refresh(self, now: dt.datetime) -> bool:
        """Tells whether a newer snapshot should be fetched; this one may still be used."""
        return now >= self.issue_time + self.refresh_after

    def find(self, key_id: bytes, *, use: str = _trust_format.USE_TOKEN) -> TrustedKey | None:
        """Returns the one key with this id, killed or not, or None where its use is another.

        Args:
            key_id: The first 8 bytes of the SHA-256 of the raw public key.
            use: `tok` for codes, `cred` for device certificates, `status` for lists.
        """
        key = self.keys.get(key_id)
        return key if key is not None and key.use == use else None

    def denies(self, device_certificate_id: bytes) -> bool:
        """Tells whether a device certificate (claim `cti`) is on the emergency list."""
        return device_certificate_id in self.denied

    def check_status(self, uri: str, index: int, *, now: dt.datetime) -> None:
        """Checks that the entry `index` of a status list is not set.

        Raises:
            QrError: `revoked`; `stale_trust` where the list is not bound by this
                snapshot, not held, or past its age; `malformed` where it has no such entry.
        """
        held = self.status_lists.get(uri)
        if held is None:
            raise QrError("stale_trust", "the status list is not held; fetch it")
        if unix_seconds(now) >= held.expire_second:
            raise QrError("stale_trust", "the status list is past its age; fetch a new one")
        if held.is_set(index):
            raise QrError("revoked", "the device certificate is revoked")

    def with_status_list(self, data: bytes, *, now: dt.datetime) -> "TrustSnapshot":
        """Returns this snapshot with a status list in it.

        Args:
            data: The list as published.
            now: The present instant, aware.

        Raises:
            QrError: `malformed`; `stale_trust`, the snapshot does not bind this content,
                or it is past its age; `unknown_key` or `bad_signature`; `clock_suspect`,
                `now` is over 60 s before its signing.
        """
        signed = _status_list.open_list(data)
        key = self.find(signed.key_id, use=_trust_format.USE_STATUS)
        if key is None or key.is_killed:
            raise QrError("unknown_key", "no trusted key signed the status list")
        try:
            _ed25519.verify(key.public_key, signed.signature, signed.signed)
        except InvalidSignature:
            raise QrError("bad_signature", "the status list was altered") from None
        status_list = _status_list.decode_claims(signed.payload)
        if not key.may_sign(issuer=status_list.region, at_second=status_list.issue_second):
            raise QrError("unknown_key", "the key may not sign this status list at that time")
        check_signed_by(status_list.issue_second, now, what="status list")
        bound = self.lists.get(status_list.uri)
        if bound is None or bound.digest != hashlib.sha256(data).digest():
            raise QrError("stale_trust", "the snapshot binds another content of the status list")
        if unix_seconds(now) >= status_list.expire_second:
            raise QrError("stale_trust", "the status list is past its age")
        held = {**self.status_lists, status_list.uri: status_list}
        return replace(self, status_lists=MappingProxyType(held))

    def with_lists_of(self, previous: "TrustSnapshot") -> "TrustSnapshot":
        """Returns this snapshot with the lists of `previous` that both bind alike."""
        held = {
            uri: status_list
            for uri, status_list in previous.status_lists.items()
            if uri in self.lists and self.lists[uri].digest == previous.lists[uri].digest
        }
        return replace(self, status_lists=MappingProxyType(held))


def _check_signature(frame: Frame, trust_keys: Mapping[bytes, Ed25519PublicKey]) -> None:
    trust_key = trust_keys.get(frame.key_id)
    if trust_key is None:
        raise QrError("unknown_key", "the snapshot is not signed with a pinned trust key")
    try:
        _ed25519.verify(trust_key, frame.signature, frame.signed)
    except InvalidSignature:
        raise QrError("bad_signature", "the snapshot was altered") from None


def _content_of(payload: bytes) -> SnapshotContent:
    try:
        return _trust_format.decode(payload)
    except (FormatError, _cbor.CborError) as error:
        raise QrError("malformed", f"the snapshot's content: {error}") from None


def _trusted_keys(content: SnapshotContent, reserved: Collection[bytes]) -> dict[bytes, TrustedKey]:
    """Returns the listed keys by id."""
    for entry in content.keys:
        if entry.public_key in reserved:
            # Each key has one use, so that no signature can pass for another's.
            raise QrError("malformed", "a trust or root key is listed for something else")
    return {entry.key_id: _load(entry) for entry in content.keys}


def _load(entry: KeyEntry) -> TrustedKey:
    try:
        public_key = load_public_key(entry.public_key)
    except ValueError as error:
        raise QrError("malformed", f"the snapshot lists a key that is none: {error}") from None
    return TrustedKey(
        entry.key_id,
        public_key,
        frozenset(entry.issuers),
        entry.start_second,
        entry.expire_second,
        entry.state,
        entry.use,
    )


def _instant(second: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(second, dt.timezone.utc)
