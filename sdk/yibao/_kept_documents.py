"""The documents that a trust store keeps on its shelf, until there is room for each."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from yibao._shelf import Shelf
from yibao.trust import TrustSnapshot

_ROOT: Final = "root-{:d}.cose"
_SNAPSHOT: Final = "snapshot-{:d}.cose"
_SNAPSHOT_FILE: Final = re.compile(r"snapshot-([0-9]+)\.cose")
_LIST: Final = "list-{}.cose"


class KeptDocuments:
    """Roots, snapshots and status lists by their names.

    What a full disk refuses is used until the process ends, so it is kept as soon as there is
    room: a process that began again by what lay there before would take back what was withdrawn.
    """

    def __init__(self, shelf: Shelf) -> None:
        """Takes the shelf."""
        self._shelf = shelf
        # What could not be written, by name.
        self._owed: dict[str, bytes] = {}

    def root(self, version: int) -> bytes | None:
        """Returns a root, unverified, or None."""
        return self._shelf.read(_ROOT.format(version))

    def keep_root(self, version: int, data: bytes) -> None:
        """Keeps a root."""
        self._write(_ROOT.format(version), data)

    def snapshot(self, version: int) -> bytes | None:
        """Returns a snapshot, unverified, or None."""
        return self._shelf.read(_SNAPSHOT.format(version))

    def snapshot_versions(self) -> list[int]:
        """Returns the versions of all snapshots."""
        found = map(_SNAPSHOT_FILE.fullmatch, self._shelf.names())
        return [int(match[1]) for match in found if match]

    def keep_snapshot(self, version: int, data: bytes) -> None:
        """Keeps a snapshot."""
        self._write(_SNAPSHOT.format(version), data)

    def status_list(self, digest: bytes) -> bytes | None:
        """Returns a status list, unverified, or None."""
        return self._shelf.read(_LIST.format(digest.hex()))

    def lacks_list(self) -> Callable[[bytes], bool]:
        """Returns what tells of a digest whether its list is not here, as of now."""
        names = set(self._shelf.names())
        return lambda digest: _LIST.format(digest.hex()) not in names

    def keep_list(self, digest: bytes, data: bytes) -> None:
        """Keeps a status list."""
        self._write(_LIST.format(digest.hex()), data)

    def catch_up(self) -> None:
        """Writes what could not be written before.

        Raises:
            TrustFolderError: It still cannot be.
        """
        for name, data in list(self._owed.items()):
            # Another process may have found room, in folders that this one only reads.
            if self._shelf.read(name) == data:
                self._owed.pop(name, None)
            else:
                self._write(name, data)

    def forget_owed(self, snapshot: TrustSnapshot) -> None:
        """Forgets what is owed and nobody needs any more by whom `snapshot` is held.

        A disk may be full for days, in which there are hundreds of snapshots.
        """
        for name in _idle(snapshot, list(self._owed)):
            self._owed.pop(name, None)

    def tidy(self, snapshot: TrustSnapshot) -> None:
        """Forgets what nobody needs any more by whom `snapshot` is held."""
        if max(self.snapshot_versions(), default=0) > snapshot.version:
            # Another process is ahead; what looks idle from here may be its lists.
            return
        for name in _idle(snapshot, list(self._shelf.names())):
            self._shelf.drop(name)

    def _write(self, name: str, data: bytes) -> None:
        self._owed[name] = data
        self._shelf.write(name, data)
        self._owed.pop(name, None)


def _idle(snapshot: TrustSnapshot, names: list[str]) -> Iterator[str]:
    bound = {_LIST.format(entry.digest.hex()) for entry in snapshot.lists.values()}
    for name in names:
        match = _SNAPSHOT_FILE.fullmatch(name)
        is_idle_snapshot = match is not None and int(match[1]) < snapshot.version
        if is_idle_snapshot or (name.startswith("list-") and name not in bound):
            yield name
