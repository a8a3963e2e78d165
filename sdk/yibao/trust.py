"""The trust snapshot: which keys may sign QR codes, itself signed by the trust key.

Get it from `TrustService.GetTrustSnapshot` or from a file, store it as it is, and verify
it against the pinned trust key each time it is loaded. Format:
`docs/reference/trust-snapshot.md`.
"""

import datetime as dt
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from yibao import _cbor, _trust_format
from yibao._ed25519 import load_public_key
from yibao._token import (
    MAX_SNAPSHOT_PAYLOAD_BYTES,
    Frame,
    QrError,
    key_id_of,
    open_frame,
    unix_seconds,
)
from yibao._trust_format import FormatError, KeyEntry, KeyState, SnapshotContent

__all__ = ["KeyState", "QrError", "TrustSnapshot", "TrustedKey"]

# A clock further behind the issuer's than this decides nothing; less is drift.
CLOCK_SUSPECT_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that may sign QR codes of its issuers, in its time.

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

    @property
    def is_killed(self) -> bool:
        """Whether the key is withdrawn for good."""
        return self.state is KeyState.KILLED

    def may_sign(self, *, issuer: str, at_second: int) -> bool:
        """Tells whether a code of `issuer` may be signed with it at `at_second`."""
        in_time = self.start_second <= at_second < self.expire_second
        return in_time and issuer in self.issuers and not self.is_killed


@dataclass(frozen=True, slots=True)
class TrustSnapshot:
    """A verified snapshot. Made by `verify` alone; immutable and shared by threads."""

    version: int
    issue_time: dt.datetime
    expire_time: dt.datetime
    refresh_after: dt.timedelta
    digest: bytes
    keys: Mapping[bytes, TrustedKey]
    expire_second: int

    @classmethod
    def verify(
        cls,
        data: bytes,
        *,
        trust_key: bytes,
        now: dt.datetime,
        previous: "TrustSnapshot | None" = None,
    ) -> "TrustSnapshot":
        """Returns the snapshot that `data` holds.

        Args:
            data: The snapshot as published.
            trust_key: The raw 32 bytes of the pinned public trust key.
            now: The present instant, aware.
            previous: The newest snapshot accepted before; an older version, or another
                content under its version, is refused.

        Raises:
            QrError: `malformed`; `unknown_key`, not signed with the pinned key;
                `bad_signature`; `stale_trust`, past its hard age or older than
                `previous`; `clock_suspect`, `now` is over 60 s before its signing.
            ValueError: `trust_key` is not a key, or `now` is not aware.
        """
        pinned = load_public_key(trust_key)
        now_second = unix_seconds(now)
        frame = open_frame(data, max_payload=MAX_SNAPSHOT_PAYLOAD_BYTES)
        _check_signature(frame, pinned, key_id_of(trust_key))
        content = _content_of(frame.payload)
        keys = _trusted_keys(content, trust_key)
        snapshot = cls(
            content.version,
            _instant(content.issue_second),
            _instant(content.expire_second),
            dt.timedelta(seconds=content.refresh_seconds),
            hashlib.sha256(data).digest(),
            MappingProxyType(keys),
            content.expire_second,
        )
        _check_clock(content.issue_second, now_second)
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

    def find(self, key_id: bytes) -> TrustedKey | None:
        """Returns the one key with this id, killed or not, or None."""
        return self.keys.get(key_id)


def _check_signature(frame: Frame, trust_key: Ed25519PublicKey, key_id: bytes) -> None:
    if frame.key_id != key_id:
        raise QrError("unknown_key", "the snapshot is not signed with the pinned trust key")
    try:
        trust_key.verify(frame.signature, frame.signed)
    except InvalidSignature:
        raise QrError("bad_signature", "the snapshot was altered") from None


def _content_of(payload: bytes) -> SnapshotContent:
    try:
        return _trust_format.decode(payload)
    except (FormatError, _cbor.CborError) as error:
        raise QrError("malformed", f"the snapshot's content: {error}") from None


def _trusted_keys(content: SnapshotContent, trust_key: bytes) -> dict[bytes, TrustedKey]:
    """Returns the keys for codes by id; keys of other uses are checked and left out."""
    keys: dict[bytes, TrustedKey] = {}
    for entry in content.keys:
        if entry.public_key == trust_key:
            # Each key has one use, so that no signature can pass for another's.
            raise QrError("malformed", "the trust key is listed as a key for codes")
        loaded = _load(entry)
        if entry.use == _trust_format.USE_TOKEN:
            keys[entry.key_id] = loaded
    return keys


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
    )


def _check_clock(issue_second: int, now_second: float) -> None:
    offset = now_second - issue_second
    if offset < -CLOCK_SUSPECT_SECONDS:
        raise QrError(
            "clock_suspect",
            "this clock is behind the signing of the snapshot",
            offset_seconds=math.floor(offset),
        )


def _instant(second: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(second, dt.timezone.utc)
