"""What a trust store must never forget: the highest versions, the latest time, the outdated."""

import re
from collections.abc import Collection, Iterator
from typing import Final

from yibao._shelf import Shelf

_ROOT: Final = re.compile(r"root-([0-9]+)-([0-9a-f]{64})")
_SNAPSHOT: Final = re.compile(r"snapshot-([0-9a-f]{16})-([0-9]+)-([0-9a-f]{64})")
_TIME: Final = re.compile(r"time-([0-9]+)")
_EXPIRED: Final = re.compile(r"expired-([0-9a-f]{64})")


class TrustMarks:
    """Marks on a shelf; every process of the machine sees and sets the same ones."""

    def __init__(self, shelf: Shelf) -> None:
        """Takes the shelf."""
        self._shelf = shelf

    def newest_root(self) -> int:
        """Returns the highest version of a root that was ever held, or 0."""
        return max((int(match[1]) for match in self._found(_ROOT)), default=0)

    def admits_root(self, version: int, digest: bytes) -> bool:
        """Tells whether no other root of this version was held."""
        held = {match[2] for match in self._found(_ROOT) if int(match[1]) == version}
        return held <= {digest.hex()}

    def add_root(self, version: int, digest: bytes) -> None:
        """Notes a root; all are kept, as the way from the first is walked at each start."""
        self._set(f"root-{version}-{digest.hex()}")

    def admits_snapshot(self, version: int, digest: bytes, *, key_ids: Collection[bytes]) -> bool:
        """Tells whether a snapshot goes neither back nor under another one's version.

        Only the marks of `key_ids`, the trust keys of the present root, count: the thief
        of a withdrawn one may have used the highest version there is.
        """
        counted = {key_id.hex() for key_id in key_ids}
        marks = [(int(m[2]), m[3]) for m in self._found(_SNAPSHOT) if m[1] in counted]
        highest = max((marked for marked, _ in marks), default=0)
        if version != highest:
            return version > highest
        # Two contents under one version mean that somebody lies; neither is taken then.
        return {content for marked, content in marks if marked == highest} == {digest.hex()}

    def add_snapshot(self, version: int, digest: bytes, *, key_id: bytes) -> None:
        """Notes a snapshot, and removes the lower marks of its trust key."""
        self._set(f"snapshot-{key_id.hex()}-{version}-{digest.hex()}")
        for match in self._found(_SNAPSHOT):
            if match[1] == key_id.hex() and int(match[2]) < version:
                self._shelf.unmark(match[0])

    def latest_second(self) -> int:
        """Returns the latest time that an issuer was noted to have signed at, or 0."""
        return max((int(match[1]) for match in self._found(_TIME)), default=0)

    def add_second(self, second: int) -> None:
        """Notes a time, and removes earlier ones."""
        self._shelf.mark(f"time-{second}")
        for match in self._found(_TIME):
            if int(match[1]) < second:
                self._shelf.unmark(match[0])

    def expired(self) -> frozenset[str]:
        """Returns the digests, in hexadecimal, of snapshots that were seen to be too old."""
        return frozenset(match[1] for match in self._found(_EXPIRED))

    def add_expired(self, digest: bytes) -> None:
        """Notes that a snapshot was too old; only the last one that was is kept.

        Every later one has a higher version, so none before it can come back.
        """
        self._set(f"expired-{digest.hex()}")
        for match in self._found(_EXPIRED):
            if match[1] != digest.hex():
                self._shelf.unmark(match[0])

    def _set(self, name: str) -> None:
        # A process that only reads may not be allowed to write what is there already.
        if name not in self._shelf.marks():
            self._shelf.mark(name)

    def _found(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        for name in self._shelf.marks():
            match = pattern.fullmatch(name)
            if match is not None:
                yield match
