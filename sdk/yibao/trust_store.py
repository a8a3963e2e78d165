"""Keeps what a verifier trusts: fetches, verifies, stores, and never goes back.

    store = TrustStore(first_root=root, cache_folder=..., state_folder=..., source=client)
    store.refresh(now=now)          # online, every hour or so
    trust = store.current(now=now)  # at each code, also offline

Offline for up to 24 hours nothing changes; from then to seven days `trust.age_state(now)`
says AGEING, which the operator should see; after that `current` refuses (`stale_trust`).
Safe to share between threads, and several processes may use the same folders. Each method
that looks at them raises `TrustFolderError` where they cannot be read or written.
"""

import contextlib
import datetime as dt
import hashlib
import math
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Final

from yibao import _status_list
from yibao._kept_documents import KeptDocuments
from yibao._shelf import FolderShelf, MemoryShelf, Shelf, TrustFolderError
from yibao._time_floor import PastAge, TimeFloor
from yibao._token import QrError, unix_seconds
from yibao._trust_marks import TrustMarks
from yibao._trust_source import TrustSource
from yibao.trust import AgeState, TrustRoot, TrustSnapshot

__all__ = ["AgeState", "QrError", "TrustFolderError", "TrustSource", "TrustStore"]

# How often the folders are looked at for what another process has fetched.
_LOOK_SECONDS: Final = 5.0
# How often a list is asked for again because a newer snapshot came between.
_ROUNDS: Final = 3


class TrustStore:
    """The newest trust snapshot of this machine, with its status lists."""

    def __init__(
        self,
        *,
        first_root: bytes,
        cache_folder: Path | None = None,
        state_folder: Path | None = None,
        source: TrustSource | None = None,
        regions: Collection[str] | None = None,
    ) -> None:
        """Takes the root that this verifier was shipped with.

        Args:
            first_root: The root document; whoever installed it vouches for it.
            cache_folder: Where documents are kept; may be emptied at any time.
            state_folder: Where the highest versions and the latest time are kept. Must
                outlive the cache: who can delete it can make the store go back. Both
                folders are given, or neither: then nothing outlives the process.
            source: What `refresh` fetches from.
            regions: Whose status lists to keep; of all regions where None.

        Raises:
            QrError: The first root is none.
            TrustFolderError: A folder cannot be made.
            ValueError: One folder is given without the other, or both are one.
        """
        self._root = TrustRoot.first(first_root)
        shelf: Shelf
        if cache_folder is None or state_folder is None:
            if cache_folder is not state_folder:
                raise ValueError("cache_folder and state_folder belong together")
            shelf = MemoryShelf()
        else:
            shelf = FolderShelf(cache_folder=cache_folder, state_folder=state_folder)
        self._documents = KeptDocuments(shelf)
        self._marks = TrustMarks(shelf)
        self._source = source
        self._regions = None if regions is None else frozenset(regions)
        self._lock = threading.RLock()
        self._snapshot: TrustSnapshot | None = None
        self._floor = TimeFloor(self._marks)
        self._past_age = PastAge(self._marks)
        self._newest_root_marked = 0
        self._looked_second = -math.inf

    # --- Using what is held.

    def current(self, *, now: dt.datetime) -> TrustSnapshot:
        """Returns the newest snapshot held; needs no network.

        Raises:
            QrError: `stale_trust`, none is held that is young enough, or was, whatever
                this clock says since, or the root has expired; `clock_suspect`, this
                clock is over 60 s behind what issuers have signed.
            TrustFolderError: The folders cannot be read, and none is held.
        """
        try:
            self._look(now)
        except TrustFolderError:
            # As where the process may open no more files: what is held was checked against
            # the marks when it was taken, and the next look is seconds away.
            if self._snapshot is None:
                raise
        self._floor.check(now)
        snapshot = self._snapshot
        if snapshot is None:
            raise QrError("stale_trust", "no trust snapshot is held; fetch one")
        self._check_root(now)
        self._past_age.check(snapshot, now)
        return snapshot

    def needs_refresh(self, *, now: dt.datetime) -> bool:
        """Tells whether `refresh` is due; what is held may still be used."""
        self._look(now)
        snapshot = self._snapshot
        return snapshot is None or snapshot.needs_refresh(now) or bool(self.missing_lists())

    def note_time(self, issue_time: dt.datetime) -> None:
        """Notes when an issuer signed a code or certificate that was accepted.

        Time has come that far, so a clock over 60 s behind it is wrong. `yibao.qr.verify`
        and `Verifier` are told to call it. Pass no time that a holder has signed.
        """
        # Where it cannot be marked it holds until the process ends: the code is good.
        with contextlib.suppress(OSError):
            self._floor.raise_to(math.floor(issue_time.timestamp()))

    @property
    def root(self) -> TrustRoot:
        """The newest root held."""
        return self._root

    # --- Fetching.

    def refresh(self, *, now: dt.datetime) -> TrustSnapshot:
        """Fetches what is new and returns the newest snapshot.

        Raises:
            QrError: What was fetched is refused, as `take_root`, `take_snapshot` and
                `take_status_list` say; what is held stays.
            TrustFolderError: It cannot be kept; until the process ends it is used.
            Exception: What the source raises.
        """
        source = self._source
        if source is None:
            raise ValueError("the store was made without a source")
        while (root := source.root(self._root.version + 1)) is not None:
            self.take_root(root, now=now)
        data = source.snapshot()
        try:
            for uri in self.lists_ahead(data, now=now):
                document = source.status_list(uri)
                if document is not None:
                    self.keep_list(document)
        finally:
            # A kill must not wait for a list that cannot be had.
            self.take_snapshot(data, now=now)
        self._fetch_lists(source, now)
        return self.current(now=now)

    def _fetch_lists(self, source: TrustSource, now: dt.datetime) -> None:
        for round_ in range(_ROUNDS):
            refused: QrError | None = None
            for uri in self.missing_lists():
                data = source.status_list(uri)
                if data is None:
                    continue
                try:
                    self.take_status_list(data, now=now)
                except QrError as error:
                    refused = error
            if refused is None:
                return
            if refused.error != "stale_trust" or round_ == _ROUNDS - 1:
                raise refused
            # A newer snapshot was published between the two questions, with a newer list.
            self.take_snapshot(source.snapshot(), now=now)

    def missing_lists(self) -> list[str]:
        """Returns the names of the lists that the snapshot binds and that are not held."""
        snapshot = self._snapshot
        if snapshot is None:
            return []
        return [
            uri
            for uri in snapshot.lists
            if uri not in snapshot.status_lists and self._is_wanted(uri)
        ]

    def lists_ahead(self, data: bytes, *, now: dt.datetime) -> list[str]:
        """Returns the names of the lists that a snapshot not yet taken binds anew.

        Who gives them to `keep_list` before he takes the snapshot leaves no moment in
        which codes are refused for want of a list.

        Raises:
            QrError: As `TrustSnapshot.verify`.
        """
        with self._lock:
            held = self._snapshot
            snapshot = self._verified(data, now)
            if held is not None and held.digest == snapshot.digest:
                return []
            lacks = self._documents.lacks_list()
            return [
                uri
                for uri, bound in snapshot.lists.items()
                if self._is_wanted(uri) and lacks(bound.digest)
            ]

    def keep_list(self, data: bytes) -> None:
        """Keeps a status list for the snapshot that binds it, which verifies it.

        Raises:
            QrError: `malformed`; it is none.
        """
        _status_list.open_list(data)
        self._documents.keep_list(hashlib.sha256(data).digest(), data)

    def take_root(self, data: bytes, *, now: dt.datetime) -> TrustRoot:
        """Takes the root that follows the one held.

        Raises:
            QrError: As `TrustRoot.successor`; `stale_trust` also where another root of
                this version was held before; `clock_suspect`, `now` is over 60 s before
                its signing.
        """
        with self._lock:
            self._look(now)
            root = self._root.successor(data)
            root.check_clock(now)
            self._check_is_the_one_root(root)
            # Used first: a full disk must not keep a withdrawn key in force.
            self._use_root(root)
            self._documents.keep_root(root.version, data)
            self._marks.add_root(root.version, root.digest)
            self._newest_root_marked = max(self._newest_root_marked, root.version)
            return root

    def take_snapshot(self, data: bytes, *, now: dt.datetime) -> TrustSnapshot:
        """Takes a snapshot as published; with the one held, once more, keeps what is not yet.

        Raises:
            QrError: As `TrustSnapshot.verify`; `stale_trust` also where it is older than
                one that was ever held here, or bears the version of another.
            TrustFolderError: It cannot be kept, or what was taken before still cannot be;
                until the process ends it is used.
        """
        with self._lock:
            self._look(now)
            self._check_root(now)
            snapshot = self._verified(data, now)
            held = self._snapshot
            if held is not None and held.digest == snapshot.digest:
                self._keep_up(snapshot, data)
                return held
            if not self._admits(snapshot):
                raise QrError("stale_trust", "the snapshot is older than one that was held here")
            # Used first: a full disk must not keep a killed key in force. Then the document:
            # a mark without it would refuse to work offline.
            self._use_snapshot(snapshot, now)
            self._documents.forget_owed(snapshot)
            self._documents.keep_snapshot(snapshot.version, data)
            self._mark(snapshot)
            self._documents.tidy(snapshot)
            assert self._snapshot is not None
            return self._snapshot

    def take_status_list(self, data: bytes, *, now: dt.datetime) -> None:
        """Takes a status list that the snapshot held binds.

        Raises:
            QrError: As `TrustSnapshot.with_status_list`.
        """
        with self._lock:
            if self._snapshot is None:
                raise QrError("stale_trust", "a status list is of no use without a snapshot")
            snapshot = self._snapshot.with_status_list(data, now=now)
            (uri,) = snapshot.status_lists.keys() - self._snapshot.status_lists.keys() or (None,)
            if uri is None:
                return
            self._snapshot = snapshot
            self._documents.keep_list(snapshot.lists[uri].digest, data)

    # --- What lies on the shelf.

    def _look(self, now: dt.datetime) -> None:
        """Takes over what lies on the shelf, from an earlier run or another process."""
        now_second = unix_seconds(now)
        if abs(now_second - self._looked_second) < _LOOK_SECONDS:
            return
        with self._lock:
            self._looked_second = now_second
            self._floor.look()
            self._past_age.look()
            self._newest_root_marked = self._marks.newest_root()
            self._look_for_roots()
            self._look_for_snapshot(now)

    def _look_for_roots(self) -> None:
        while True:
            data = self._documents.root(self._root.version + 1)
            if data is None:
                return
            try:
                root = self._root.successor(data)
                self._check_is_the_one_root(root)
            except QrError:
                # Damaged, or put there by somebody else: it is fetched again.
                return
            self._use_root(root)
            # As for a snapshot below.
            with contextlib.suppress(OSError):
                self._marks.add_root(root.version, root.digest)

    def _look_for_snapshot(self, now: dt.datetime) -> None:
        held = -1 if self._snapshot is None else self._snapshot.version
        versions = self._documents.snapshot_versions()
        for version in sorted((version for version in versions if version > held), reverse=True):
            data = self._documents.snapshot(version)
            if data is None:
                continue
            try:
                snapshot = self._verified(data, now)
            except QrError:
                continue
            if self._admits(snapshot):
                self._use_snapshot(snapshot, now)
                # Whoever fetched it may have been stopped before the mark was set.
                with contextlib.suppress(OSError):
                    self._mark(snapshot)
                return

    def _use_root(self, root: TrustRoot) -> None:
        self._root = root
        snapshot = self._snapshot
        if snapshot is not None and snapshot.trust_key_id not in root.trust_key_ids:
            # Its key is withdrawn, so nothing that it says counts any longer.
            self._snapshot = None

    def _use_snapshot(self, snapshot: TrustSnapshot, now: dt.datetime) -> None:
        if self._snapshot is not None:
            snapshot = snapshot.with_lists_of(self._snapshot)
        for uri, bound in snapshot.lists.items():
            if uri in snapshot.status_lists or not self._is_wanted(uri):
                continue
            data = self._documents.status_list(bound.digest)
            if data is None:
                continue
            try:
                snapshot = snapshot.with_status_list(data, now=now)
            except QrError:
                continue
        self._snapshot = snapshot

    def _is_wanted(self, uri: str) -> bool:
        return self._regions is None or uri.split("/")[1] in self._regions

    # --- What never goes back.

    def _check_root(self, now: dt.datetime) -> None:
        """Checks that the root held is the newest that ever was, and has not expired."""
        if self._newest_root_marked > self._root.version:
            newest = self._newest_root_marked
            raise QrError("stale_trust", f"root {newest} was held here and is lost; fetch it")
        self._root.check_age(now)

    def _check_is_the_one_root(self, root: TrustRoot) -> None:
        if not self._marks.admits_root(root.version, root.digest):
            raise QrError("stale_trust", "another root of this version was held here")

    def _admits(self, snapshot: TrustSnapshot) -> bool:
        key_ids = self._root.trust_key_ids
        return self._marks.admits_snapshot(snapshot.version, snapshot.digest, key_ids=key_ids)

    def _mark(self, snapshot: TrustSnapshot) -> None:
        self._marks.add_snapshot(snapshot.version, snapshot.digest, key_id=snapshot.trust_key_id)
        self._floor.raise_to(math.floor(snapshot.issue_time.timestamp()))

    def _keep_up(self, snapshot: TrustSnapshot, data: bytes) -> None:
        """Keeps what could not be kept when it was taken, or was removed since.

        Who began again without it would go back to what was withdrawn.
        """
        self._documents.catch_up()
        if not self._admits(snapshot):
            return  # Another process is ahead.
        if snapshot.version not in self._documents.snapshot_versions():
            self._documents.keep_snapshot(snapshot.version, data)
        self._mark(snapshot)

    def _verified(self, data: bytes, now: dt.datetime) -> TrustSnapshot:
        root = self._root
        return TrustSnapshot.verify(
            data, trust_key=root.trust_keys, now=now, root_keys=root.root_keys
        )
