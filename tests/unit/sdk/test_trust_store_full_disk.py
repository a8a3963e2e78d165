"""A store of trust whose disk was full, or whose folders were removed, goes back to nothing."""

import contextlib
import datetime as dt
import errno
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.token_minting import NOW
from support.trust_stores import SECOND_ROOT, URI, open_store, refused, snapshot, status_list

from yibao import _shelf
from yibao.trust import QrError
from yibao.trust_store import TrustFolderError


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """Refuses every document inside the block."""

    def refuse(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_shelf, "_write_durably", refuse)
        yield


def test_a_snapshot_that_a_full_disk_refused_is_kept_once_there_is_room(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.take_snapshot(snapshot(7), now=NOW)
    with full_disk():
        for _ in range(2):
            # Who takes it each minute is told until it is kept.
            with pytest.raises(TrustFolderError, match="No space"):
                store.take_snapshot(snapshot(8), now=NOW)
        assert store.current(now=NOW).version == 8
    assert store.take_snapshot(snapshot(8), now=NOW).version == 8
    restarted = open_store(tmp_path)
    assert restarted.current(now=NOW).version == 8
    assert refused(restarted, snapshot(7)) == "stale_trust"


def test_a_root_that_a_full_disk_refused_is_kept_once_there_is_room(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.take_snapshot(snapshot(7), now=NOW)
    with full_disk():
        with pytest.raises(TrustFolderError, match="No space"):
            store.take_root(SECOND_ROOT, now=NOW)
        with pytest.raises(TrustFolderError, match="No space"):
            store.take_snapshot(snapshot(8, key="trust 2"), now=NOW)
    store.take_snapshot(snapshot(8, key="trust 2"), now=NOW)
    restarted = open_store(tmp_path)
    assert restarted.current(now=NOW).version == 8
    assert restarted.root.version == 2


def test_a_list_that_a_full_disk_refused_is_kept_once_there_is_room(tmp_path: Path) -> None:
    revoked = status_list(revoked=(3,))
    store = open_store(tmp_path)
    store.take_snapshot(snapshot(7, lists=(revoked,)), now=NOW)
    with full_disk(), pytest.raises(TrustFolderError, match="No space"):
        store.take_status_list(revoked, now=NOW)
    store.take_snapshot(snapshot(7, lists=(revoked,)), now=NOW)
    assert URI in open_store(tmp_path).current(now=NOW).status_lists


def test_what_is_owed_is_forgotten_with_what_it_was_for(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with full_disk():
        for version in (7, 8):
            with pytest.raises(TrustFolderError, match="No space"):
                store.take_snapshot(snapshot(version), now=NOW)
    store.take_snapshot(snapshot(9), now=NOW)
    store.take_snapshot(snapshot(9), now=NOW)
    kept = [path.name for path in (tmp_path / "cache").iterdir()]
    assert kept == ["snapshot-9.cose"]


def test_while_a_disk_is_full_what_is_owed_does_not_grow(tmp_path: Path) -> None:
    """Of days without room, what the newest snapshot needs is written, and nothing else."""
    store = open_store(tmp_path)
    with full_disk():
        for version in range(7, 12):
            revoked = status_list(revoked=(version,))
            with pytest.raises(TrustFolderError, match="No space"):
                store.keep_list(revoked)
            with pytest.raises(TrustFolderError, match="No space"):
                store.take_snapshot(snapshot(version, lists=(revoked,)), now=NOW)
    newest = snapshot(11, lists=(revoked,))
    store.take_snapshot(newest, now=NOW)
    kept = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert kept == [f"list-{hashlib.sha256(revoked).hexdigest()}.cose", "snapshot-11.cose"]


def test_the_time_that_a_refused_snapshot_was_signed_at_is_kept_with_it(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with full_disk(), pytest.raises(TrustFolderError, match="No space"):
        store.take_snapshot(snapshot(8), now=NOW)
    store.take_snapshot(snapshot(8), now=NOW)
    with pytest.raises(QrError, match="clock_suspect"):
        open_store(tmp_path).current(now=NOW - dt.timedelta(hours=1))


@pytest.mark.parametrize("removed", ["state", "cache", ""])
def test_folders_that_were_removed_are_filled_again(tmp_path: Path, removed: str) -> None:
    folder = tmp_path / "trust"
    store = open_store(folder)
    store.take_snapshot(snapshot(8), now=NOW)
    shutil.rmtree(folder / removed)
    assert store.take_snapshot(snapshot(8), now=NOW).version == 8
    restarted = open_store(folder)
    assert restarted.current(now=NOW).version == 8
    assert refused(restarted, snapshot(7)) == "stale_trust"
