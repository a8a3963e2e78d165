"""The tables of trust in memory, and keys that sign nothing."""

import contextlib
import copy
import dataclasses
import datetime as dt
import hashlib
from collections.abc import Collection, Iterator, Mapping

from yibao_identity.application.trust.rows import (
    Denial,
    InvalidRootError,
    PublishedSnapshot,
    PublishedStatus,
    RecordedKey,
    Root,
    RootReader,
    TrustChange,
    TrustTables,
    TrustView,
)
from yibao_identity.application.trust.signers import (
    PrivateKeys,
    Signers,
    SnapshotSigner,
    StatusSigner,
)
from yibao_identity.rules.trust.published import ListedKey, StatusContent, TrustList


@dataclasses.dataclass
class MemoryTrust(TrustChange, TrustView):
    """What is stored of trust; no certificate stands on any list."""

    keys: dict[bytes, RecordedKey] = dataclasses.field(default_factory=dict)
    denied: dict[bytes, Denial] = dataclasses.field(default_factory=dict)
    roots: dict[int, Root] = dataclasses.field(default_factory=dict)
    snapshots: list[PublishedSnapshot] = dataclasses.field(default_factory=list)
    lists: list[PublishedStatus] = dataclasses.field(default_factory=list)

    def recorded_keys(self) -> tuple[RecordedKey, ...]:
        return tuple(self.keys.values())

    def denials(self, now: dt.datetime) -> tuple[Denial, ...]:
        return tuple(
            self.denied[id] for id in sorted(self.denied) if self.denied[id].expire_time > now
        )

    def newest_root(self) -> Root | None:
        return self.roots[max(self.roots)] if self.roots else None

    def root(self, version: int) -> Root | None:
        return self.roots.get(version)

    def newest_snapshot(self) -> PublishedSnapshot | None:
        return self.snapshots[-1] if self.snapshots else None

    def oldest_snapshot(self, after: dt.datetime) -> PublishedSnapshot | None:
        return next((each for each in self.snapshots if each.issue_time > after), None)

    def newest_status(self, region: str, number: int) -> PublishedStatus | None:
        found = [each for each in self.lists if (each.region, each.number) == (region, number)]
        return found[-1] if found else None

    def revoked(self, region: str, now: dt.datetime) -> Mapping[int, frozenset[int]]:
        return {}

    def newest_list_number(self, region: str) -> int:
        return 0

    def is_in_use(self, region: str, number: int, now: dt.datetime) -> bool:
        return False

    def put_key(self, key: ListedKey, *, now: dt.datetime, by: str) -> None:
        former = self.keys.get(key.public_key)
        record = RecordedKey(key, now, by) if former is None else former
        self.keys[key.public_key] = dataclasses.replace(record, key=key)

    def deny(self, denial: Denial) -> None:
        self.denied[denial.certificate_id] = denial

    def undeny(self, certificate_id: bytes) -> bool:
        return self.denied.pop(certificate_id, None) is not None

    def add_root(self, root: Root, *, now: dt.datetime, by: str) -> None:
        assert root.version not in self.roots
        self.roots[root.version] = root

    def publish(self, snapshot: PublishedSnapshot, lists: Collection[PublishedStatus]) -> None:
        self.snapshots.append(snapshot)
        self.lists += lists

    def forget(self, before: dt.datetime) -> None:
        self.snapshots = [each for each in self.snapshots if each.issue_time >= before]
        self.lists = [each for each in self.lists if each.issue_time >= before]


class MemoryTrustTables(TrustTables):
    """Transactions over them: what is refused leaves them as they were."""

    def __init__(self) -> None:
        self.rows = MemoryTrust()

    @contextlib.contextmanager
    def view(self) -> Iterator[TrustView]:
        yield self.rows

    @contextlib.contextmanager
    def change(self) -> Iterator[TrustChange]:
        before = copy.deepcopy(self.rows)
        try:
            yield self.rows
        except BaseException:
            self.rows = before
            raise


class CountedKeys(PrivateKeys):
    """Makes keys, and counts them."""

    def __init__(self) -> None:
        self.made = 0

    def make(self) -> bytes:
        self.made += 1
        return bytes([self.made]) * 32


class PlainSigner(SnapshotSigner, StatusSigner):
    """Signs nothing: what it returns tells what was to be signed."""

    def __init__(self, public_key: bytes) -> None:
        self._key_id = hashlib.sha256(public_key).digest()[:8]

    @property
    def key_id(self) -> bytes:
        return self._key_id

    def sign_snapshot(self, trust_list: TrustList) -> bytes:
        return repr(trust_list).encode()

    def sign_status(self, content: StatusContent) -> bytes:
        return repr(content).encode()

    def bits_of(self, revoked: Collection[int]) -> bytes:
        return repr(sorted(revoked)).encode()


class PlainSigners(Signers):
    """Has every private key but those in `missing`."""

    def __init__(self) -> None:
        self.missing: set[bytes] = set()

    def snapshot_signer(self, trust_keys: Collection[bytes]) -> SnapshotSigner | None:
        return next((PlainSigner(key) for key in trust_keys if key not in self.missing), None)

    def status_signer(self, public_key: bytes) -> StatusSigner | None:
        return None if public_key in self.missing else PlainSigner(public_key)


class NumberedRoots(RootReader):
    """Takes for a root what is `root` and the number that follows; it holds for a day."""

    def __init__(self, made: dt.datetime, *, trust_key: bytes) -> None:
        self._expire_time = made + dt.timedelta(days=1)
        self._trust_key = trust_key

    def read(self, document: bytes, *, previous: Root | None) -> Root:
        version = 1 if previous is None else previous.version + 1
        if document != f"root {version}".encode():
            raise InvalidRootError(f"this is not root {version}")
        return Root(version, self._expire_time, (self._trust_key,), document)
