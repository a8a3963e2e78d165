"""Publishes what verifiers trust: snapshots and status lists, in one line of versions.

Everything lies in the database, so every process answers alike, and each may sign: when
keys, denials, revocations or the root have changed, and when half of the time after which
verifiers refresh has passed. Deciding and storing are one transaction that others wait
for, so a snapshot never takes back what was decided before it.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yibao_common.values.clock import Clock
from yibao_identity.application.trust.rows import (
    PublishedSnapshot,
    PublishedStatus,
    TrustChange,
    TrustTables,
    TrustView,
)
from yibao_identity.application.trust.signers import Signers, SnapshotSigner, StatusSigner
from yibao_identity.rules.trust.keys import listed_until, signing_key
from yibao_identity.rules.trust.published import (
    HARD_AGE,
    REFRESH_AFTER,
    KeyUse,
    ListedKey,
    ListedStatus,
    StatusContent,
    TrustList,
)

RESIGN_AFTER = REFRESH_AFTER / 2
# Lists that are published before a certificate stands on them, so that a verifier that is
# offline knows them when one does.
LISTS_AHEAD = 2
# A day longer than a verifier may use them.
_KEPT = HARD_AGE + dt.timedelta(days=1)


class PublishError(Exception):
    """Nothing can be signed here; the text tells the operator what is missing."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What ought to be published at one instant."""

    keys: tuple[ListedKey, ...]
    denied: tuple[bytes, ...]
    # By region and number: the bits, and the list as it stands where it is still good.
    lists: dict[tuple[str, int], tuple[bytes, PublishedStatus | None]]
    trust: SnapshotSigner
    status: StatusSigner | None


class TrustPublisher:
    """Signs what is due. Blocks; safe between threads."""

    def __init__(self, tables: TrustTables, signers: Signers, *, clock: Clock) -> None:
        """Takes the tables and the private keys of this process."""
        self._tables = tables
        self._signers = signers
        self._clock = clock
        # The lowest list of a region in use, and when that was found out: it only rises.
        self._lowest: dict[str, tuple[int, dt.datetime]] = {}

    def publish(self) -> PublishedSnapshot:
        """Signs and stores what is due, and returns the newest snapshot.

        Raises:
            PublishError: no root was brought in, no key may be listed, or this process
                does not hold the private key that it takes.
        """
        with self._tables.view() as view:
            newest = view.newest_snapshot()
            if newest is not None and not self._is_due(self._wanted(view), newest):
                return newest
        with self._tables.change() as change:
            return self.publish_in(change)

    def publish_in(self, change: TrustChange) -> PublishedSnapshot:
        """Does so inside a transaction that has changed something.

        Raises:
            PublishError: as `publish`.
        """
        newest = change.newest_snapshot()
        wanted = self._wanted(change)
        if newest is not None and not self._is_due(wanted, newest):
            return newest
        issue_time = self._clock().replace(microsecond=0)
        signed = [
            self._sign_list(change, wanted, place, bits, issue_time)
            for place, (bits, standing) in wanted.lists.items()
            if standing is None
        ]
        standing = [found for _, found in wanted.lists.values() if found is not None]
        bound = tuple(
            ListedStatus(each.region, each.number, each.version, each.digest)
            for each in (*standing, *signed)
        )
        version = next_version(0 if newest is None else newest.version, issue_time)
        trust_list = TrustList(version, issue_time, wanted.keys, bound, wanted.denied)
        snapshot = PublishedSnapshot(
            version,
            wanted.trust.key_id,
            content_digest(wanted.keys, wanted.denied),
            issue_time,
            wanted.trust.sign_snapshot(trust_list),
            frozenset(_key_id(key) for key in wanted.keys),
            frozenset(each.digest for each in bound),
        )
        change.publish(snapshot, signed)
        change.forget(issue_time - _KEPT)
        return snapshot

    def _wanted(self, view: TrustView) -> _Wanted:
        now = self._clock()
        root = view.newest_root()
        if root is None:
            raise PublishError(
                "no root of trust: make one and bring it in with `yibao keys root publish`"
            )
        trust = self._signers.snapshot_signer(root.trust_keys)
        if trust is None:
            raise PublishError(
                f"root {root.version} allows trust keys of which none is in the key folder: copy "
                f"the file of one there, {' or '.join(map(_file_of, sorted(root.trust_keys)))}"
            )
        recorded = [each.key for each in view.recorded_keys()]
        keys = tuple(key for key in recorded if now < listed_until(key))
        if not keys:
            raise PublishError("no key to list: make one with `yibao keys new`")
        status_key = signing_key(keys, KeyUse.STATUS, now=now)
        status = None
        if status_key is not None:
            status = self._signers.status_signer(status_key.public_key)
            if status is None:
                # Another process has it. Without lists every phone's own code is refused.
                raise PublishError(
                    f"{_file_of(status_key.public_key)} is missing in the key folder, the private "
                    "half of the status key: copy it there"
                )
        lists: dict[tuple[str, int], tuple[bytes, PublishedStatus | None]] = {}
        if status is not None and status_key is not None:
            for region in sorted(status_key.issuers):
                lists.update(self._wanted_lists(view, region, status, now))
        denied = tuple(each.certificate_id for each in view.denials(now))
        return _Wanted(keys, denied, lists, trust, status)

    def _wanted_lists(
        self, view: TrustView, region: str, signer: StatusSigner, now: dt.datetime
    ) -> Iterator[tuple[tuple[str, int], tuple[bytes, PublishedStatus | None]]]:
        revoked = view.revoked(region, now)
        for number in self._numbers(view, region, now):
            bits = signer.bits_of(revoked.get(number, frozenset()))
            found = view.newest_status(region, number)
            is_good = (
                found is not None
                and found.key_id == signer.key_id
                and found.bits == bits
                and _is_fresh(found.issue_time, now)
            )
            yield (region, number), (bits, found if is_good else None)

    def _numbers(self, view: TrustView, region: str, now: dt.datetime) -> range:
        """Returns the lists of a region that some certificate is on, and a few more.

        Lists fill one after the other, so those in use have no gap. Whether the lowest
        still is takes a walk through its certificates, so it is asked now and then only.
        """
        newest = view.newest_list_number(region)
        lowest, asked = self._lowest.get(region, (1, None))
        if asked is None or now - asked >= RESIGN_AFTER:
            while lowest < newest and not view.is_in_use(region, lowest, now):
                lowest += 1
            self._lowest[region] = (lowest, now)
        return range(lowest, newest + LISTS_AHEAD + 1)

    def _is_due(self, wanted: _Wanted, newest: PublishedSnapshot) -> bool:
        return (
            not _is_fresh(newest.issue_time, self._clock())
            or newest.trust_key_id != wanted.trust.key_id
            or newest.list_digest != content_digest(wanted.keys, wanted.denied)
            or any(standing is None for _, standing in wanted.lists.values())
            or newest.list_digests
            != {found.digest for _, found in wanted.lists.values() if found is not None}
        )

    def _sign_list(
        self,
        change: TrustChange,
        wanted: _Wanted,
        place: tuple[str, int],
        bits: bytes,
        issue_time: dt.datetime,
    ) -> PublishedStatus:
        signer = wanted.status
        assert signer is not None
        region, number = place
        document = signer.sign_status(StatusContent(region, number, issue_time, bits))
        former = change.newest_status(region, number)
        return PublishedStatus(
            region,
            number,
            next_version(0 if former is None else former.version, issue_time),
            hashlib.sha256(document).digest(),
            issue_time,
            document,
            signer.key_id,
            bits,
        )


def _is_fresh(issue_time: dt.datetime, now: dt.datetime) -> bool:
    """Tells whether what was signed then may stand for a while.

    Not so what a clock that has since been set back signed: verifiers refuse it until
    their own clocks come to that time.
    """
    return abs(now - issue_time) < RESIGN_AFTER


def next_version(newest: int, issue_time: dt.datetime) -> int:
    """Returns the version that follows `newest`: the second of signing, or one more.

    Seconds, and not a mere counter, so that versions keep rising where the database is
    restored from a backup and has forgotten the newest ones.
    """
    return max(newest + 1, int(issue_time.timestamp()))


def content_digest(keys: Sequence[ListedKey], denied: Sequence[bytes]) -> bytes:
    """Returns 32 bytes that stand for keys and denied certificates, in whatever order."""
    lines = sorted(
        "|".join(
            (
                key.public_key.hex(),
                key.use.value,
                ",".join(sorted(key.issuers)),
                key.start_time.astimezone(dt.UTC).isoformat(),
                key.expire_time.astimezone(dt.UTC).isoformat(),
                key.state.name,
                "" if key.killed_time is None else key.killed_time.astimezone(dt.UTC).isoformat(),
            )
        )
        for key in keys
    )
    return hashlib.sha256("\n".join((*lines, *sorted(i.hex() for i in denied))).encode()).digest()


def _key_id(key: ListedKey) -> bytes:
    return hashlib.sha256(key.public_key).digest()[:8]


def _file_of(public_key: bytes) -> str:
    """Returns the name of a private key's file, which is its key id."""
    return f"{hashlib.sha256(public_key).digest()[:8].hex()}.pem"
