"""Publishes the trust snapshot: one line of rising versions for all processes.

The newest snapshot lies in the database, so every process answers with the same one. A
process signs another when it starts with a different list of keys, or when half of the
time after which verifiers refresh has passed. The list that was signed last stands: a
process that still runs with an older one hands out the newer and signs nothing, so that
a key killed by the new configuration does not come back.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence

from yibao_common.clock import Clock
from yibao_identity.application.ports import Snapshots, SnapshotSigner
from yibao_identity.application.records import PublishedSnapshot
from yibao_identity.rules.trust_list import REFRESH_AFTER, ListedKey, TrustList

RESIGN_AFTER = REFRESH_AFTER / 2


class TrustPublisher:
    """Answers with the newest snapshot and signs the next one when it is due. Blocks."""

    def __init__(
        self,
        snapshots: Snapshots,
        signer: SnapshotSigner,
        keys: Sequence[ListedKey],
        *,
        clock: Clock,
    ) -> None:
        """Takes the keys to list; `publish` has to follow."""
        self._snapshots = snapshots
        self._signer = signer
        self._keys = tuple(keys)
        self._digest = list_digest(self._keys)
        self._clock = clock

    def publish(self) -> PublishedSnapshot:
        """Makes the own list of keys the published one; for the start of the process."""
        newest = self._snapshots.newest()
        while newest is None or not self._is_own(newest) or self._is_old(newest):
            newest = self._sign_after(newest) or self._snapshots.newest()
        return newest

    def current(self) -> PublishedSnapshot:
        """Returns the newest snapshot, signed anew where it is half-way to its refresh."""
        newest = self._snapshots.newest()
        assert newest is not None, "published at the start"
        while self._is_own(newest) and self._is_old(newest):
            found = self._sign_after(newest) or self._snapshots.newest()
            assert found is not None
            newest = found
        return newest

    def _is_own(self, snapshot: PublishedSnapshot) -> bool:
        return snapshot.list_digest == self._digest and snapshot.trust_key_id == self._signer.key_id

    def _is_old(self, snapshot: PublishedSnapshot) -> bool:
        return self._clock() - snapshot.issue_time >= RESIGN_AFTER

    def _sign_after(self, newest: PublishedSnapshot | None) -> PublishedSnapshot | None:
        """Signs and stores the next version; None where another process was faster."""
        issue_time = self._clock().replace(microsecond=0)
        version = next_version(0 if newest is None else newest.version, issue_time)
        snapshot = PublishedSnapshot(
            version,
            self._signer.key_id,
            self._digest,
            issue_time,
            self._signer.sign_snapshot(TrustList(version, issue_time, self._keys)),
        )
        return snapshot if self._snapshots.add(snapshot) else None


def next_version(newest: int, issue_time: dt.datetime) -> int:
    """Returns the version that follows `newest`: the second of signing, or one more.

    Seconds, and not a mere counter, so that versions keep rising where the database is
    restored from a backup and has forgotten the newest ones.
    """
    return max(newest + 1, int(issue_time.timestamp()))


def list_digest(keys: Sequence[ListedKey]) -> bytes:
    """Returns 32 bytes that stand for a list of keys, in whatever order."""
    lines = sorted(
        "|".join(
            (
                key.public_key.hex(),
                ",".join(sorted(key.issuers)),
                key.start_time.astimezone(dt.UTC).isoformat(),
                key.expire_time.astimezone(dt.UTC).isoformat(),
                key.state.name,
                "" if key.killed_time is None else key.killed_time.astimezone(dt.UTC).isoformat(),
            )
        )
        for key in keys
    )
    return hashlib.sha256("\n".join(lines).encode()).digest()
