"""What a trust store keeps on disk, safe for several processes without locks.

Two folders. The *cache* holds signed documents by version; it may be emptied at any time
and is verified again when it is read. The *state* holds what must never go back: names
of empty files, such as `root-2-<sha256>`, `snapshot-<trust key>-1793865600-<sha256>` and
`time-1793865600`. Files only ever come to say more, never less, so processes that write
at once cannot undo each other; names that a higher one made idle are removed afterwards.
"""

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

from yibao._plain_file import read_plain_file

# No document is longer; what is, is none, and is not read to its end.
MAX_DOCUMENT_BYTES: Final = 1 << 18


class TrustFolderError(OSError):
    """The folder of cache or state cannot be made, read or written.

    The text names the folder and what the system said.
    """


class Shelf(Protocol):
    """Documents that may be lost, and marks that may not."""

    def read(self, name: str) -> bytes | None:
        """Returns a document, unverified, or None."""
        ...

    def names(self) -> Iterable[str]:
        """Returns the names of all documents."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Keeps a document; durable when it returns."""
        ...

    def drop(self, name: str) -> None:
        """Forgets a document."""
        ...

    def marks(self) -> Iterable[str]:
        """Returns all marks."""
        ...

    def mark(self, name: str) -> None:
        """Sets a mark; durable when it returns."""
        ...

    def unmark(self, name: str) -> None:
        """Removes a mark that a higher one has made idle."""
        ...


class MemoryShelf:
    """Keeps everything until the end of the process."""

    def __init__(self) -> None:
        """Starts empty."""
        self._documents: dict[str, bytes] = {}
        self._marks: set[str] = set()

    def read(self, name: str) -> bytes | None:
        """See `Shelf`."""
        return self._documents.get(name)

    def names(self) -> Iterable[str]:
        """See `Shelf`."""
        return list(self._documents)

    def write(self, name: str, data: bytes) -> None:
        """See `Shelf`."""
        self._documents[name] = data

    def drop(self, name: str) -> None:
        """See `Shelf`."""
        self._documents.pop(name, None)

    def marks(self) -> Iterable[str]:
        """See `Shelf`."""
        return list(self._marks)

    def mark(self, name: str) -> None:
        """See `Shelf`."""
        self._marks.add(name)

    def unmark(self, name: str) -> None:
        """See `Shelf`."""
        self._marks.discard(name)


class FolderShelf:
    """Keeps documents in one folder and marks in another."""

    def __init__(self, *, cache_folder: Path, state_folder: Path) -> None:
        """Makes both folders where they are missing.

        Raises:
            TrustFolderError: A folder cannot be made.
            ValueError: Both are one.
        """
        if os.path.realpath(cache_folder) == os.path.realpath(state_folder):
            raise ValueError("cache_folder and state_folder must differ")
        for folder in (cache_folder, state_folder):
            with _told(folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cache = cache_folder
        self._state = state_folder

    def read(self, name: str) -> bytes | None:
        """See `Shelf`."""
        try:
            return read_plain_file(self._cache / name, most_bytes=MAX_DOCUMENT_BYTES)
        except OSError:
            # Another process may have removed it since it was listed; what is no plain
            # file, or too long, is no document.
            return None

    def names(self) -> Iterable[str]:
        """See `Shelf`."""
        return _files(self._cache)

    def write(self, name: str, data: bytes) -> None:
        """See `Shelf`."""
        draft = self._cache / f".{name}.{secrets.token_hex(8)}"
        with _told(self._cache), _removed_on_error(draft):
            # Emptying the cache may take the folder along.
            self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_durably(draft, data)
            draft.replace(self._cache / name)
            _sync_folder(self._cache)

    def drop(self, name: str) -> None:
        """See `Shelf`."""
        _remove(self._cache / name)

    def marks(self) -> Iterable[str]:
        """See `Shelf`."""
        return _files(self._state)

    def mark(self, name: str) -> None:
        """See `Shelf`."""
        # Creating a name is one step; there is no content that could be torn.
        with _told(self._state):
            # What is held is marked again where somebody took the folder away.
            self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._state / name).touch(mode=0o600)
            _sync_folder(self._state)

    def unmark(self, name: str) -> None:
        """See `Shelf`."""
        _remove(self._state / name)


def _files(folder: Path) -> list[str]:
    with _told(folder):
        try:
            return [name for name in os.listdir(folder) if not name.startswith(".")]
        except FileNotFoundError:
            return []


def _write_durably(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    # Another process may have been faster, or be reading it (Windows).
    with contextlib.suppress(FileNotFoundError, PermissionError):
        path.unlink()


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TrustFolderError(error.errno, error.strerror or str(error), str(folder)) from error


@contextlib.contextmanager
def _removed_on_error(draft: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _remove(draft)
        raise
