"""A store of trust holds the status lists that its snapshot binds."""

import hashlib
from pathlib import Path

import pytest
from support.token_minting import NOW, REGION
from support.trust_stores import (
    OTHER_URI,
    URI,
    Issuer,
    issuer_of,
    open_store,
    snapshot,
    status_list,
)

from yibao.trust import QrError
from yibao.trust_store import TrustStore


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TrustStore:
    return open_store(tmp_path if request.param == "folder" else None)


def test_bound_lists_are_fetched_and_kept(tmp_path: Path) -> None:
    issuer = issuer_of(status_list(revoked=(3,)), status_list(OTHER_URI))
    store = open_store(tmp_path, issuer)
    assert store.refresh(now=NOW).status_lists.keys() == {URI, OTHER_URI}
    trust = open_store(tmp_path).current(now=NOW)
    with pytest.raises(QrError, match="revoked"):
        trust.check_status(URI, 3, now=NOW)
    trust.check_status(OTHER_URI, 3, now=NOW)
    issuer.asked.clear()
    store.refresh(now=NOW)
    assert issuer.asked == ["snapshot"]


def test_a_terminal_fetches_the_lists_of_its_regions_alone(tmp_path: Path) -> None:
    issuer = issuer_of(status_list(), status_list(OTHER_URI))
    store = open_store(tmp_path, issuer, regions=[REGION])
    assert store.refresh(now=NOW).status_lists.keys() == {URI}
    assert not store.needs_refresh(now=NOW)
    assert open_store(tmp_path).current(now=NOW).status_lists.keys() == {URI}


def test_a_list_that_cannot_be_had_leaves_the_snapshot_in_force(tmp_path: Path) -> None:
    issuer = issuer_of(status_list())
    issuer.lists.clear()
    store = open_store(tmp_path, issuer)
    trust = store.refresh(now=NOW)
    with pytest.raises(QrError, match="not held"):
        trust.check_status(URI, 0, now=NOW)
    assert store.needs_refresh(now=NOW)


class WatchedIssuer(Issuer):
    """Looks at what the store can do whenever it is asked for a list."""

    store: TrustStore
    seen: list[int]

    def status_list(self, uri: str) -> bytes | None:
        trust = self.store.current(now=NOW)
        trust.check_status(uri, 5, now=NOW)
        self.seen.append(trust.version)
        return super().status_list(uri)


@pytest.mark.parametrize("is_in_folder", [False, True])
def test_the_former_list_serves_while_the_new_one_is_fetched(
    tmp_path: Path, is_in_folder: bool
) -> None:
    issuer = WatchedIssuer()
    issuer.seen = []
    issuer.store = store = open_store(tmp_path if is_in_folder else None, issuer)
    store.take_snapshot(snapshot(lists=(status_list(),)), now=NOW)
    store.take_status_list(status_list(), now=NOW)
    changed = status_list(revoked=(5,))
    issuer.snapshots = [snapshot(8, lists=(changed,))]
    issuer.lists[URI] = changed
    trust = store.refresh(now=NOW)
    assert (issuer.seen, trust.version) == ([7], 8)
    with pytest.raises(QrError, match="revoked"):
        trust.check_status(URI, 5, now=NOW)


def test_a_list_that_fails_to_come_keeps_no_snapshot_back(tmp_path: Path) -> None:
    class Failing(Issuer):
        def status_list(self, uri: str) -> bytes | None:
            raise ConnectionError

    issuer = Failing()
    issuer.snapshots = [snapshot(8, lists=(status_list(),))]
    store = open_store(tmp_path, issuer)
    with pytest.raises(ConnectionError):
        store.refresh(now=NOW)
    assert store.current(now=NOW).version == 8


def test_a_snapshot_that_comes_between_is_fetched_with_its_list(tmp_path: Path) -> None:
    issuer = issuer_of(status_list())
    newer = status_list(revoked=(1,))
    issuer.snapshots = [snapshot(7, lists=(status_list(),)), snapshot(8, lists=(newer,))]
    issuer.lists[URI] = newer
    trust = open_store(tmp_path, issuer).refresh(now=NOW)
    assert trust.version == 8
    with pytest.raises(QrError, match="revoked"):
        trust.check_status(URI, 1, now=NOW)


def test_a_list_that_no_snapshot_binds_is_refused_after_some_rounds(tmp_path: Path) -> None:
    issuer = issuer_of(status_list())
    issuer.lists[URI] = status_list(revoked=(1,))
    store = open_store(tmp_path, issuer)
    with pytest.raises(QrError, match="another content"):
        store.refresh(now=NOW)
    assert issuer.asked.count(URI) == 1 + 3  # once ahead of the snapshot
    assert store.current(now=NOW).version == 7


def test_a_damaged_list_is_fetched_again(tmp_path: Path) -> None:
    issuer = issuer_of(status_list())
    open_store(tmp_path, issuer).refresh(now=NOW)
    (file,) = (tmp_path / "cache").glob("list-*")
    file.write_bytes(b"")
    store = open_store(tmp_path, issuer)
    assert store.current(now=NOW).status_lists == {}
    assert store.refresh(now=NOW).status_lists.keys() == {URI}


def test_a_list_without_a_snapshot_is_of_no_use(store: TrustStore) -> None:
    with pytest.raises(QrError) as error:
        store.take_status_list(status_list(), now=NOW)
    assert error.value.error == "stale_trust"


def test_taking_a_list_twice_changes_nothing(store: TrustStore) -> None:
    store.take_snapshot(snapshot(lists=(status_list(),)), now=NOW)
    for _ in range(2):
        store.take_status_list(status_list(), now=NOW)
        assert store.current(now=NOW).status_lists.keys() == {URI}


def test_documents_that_are_idle_are_removed_and_marks_stay(tmp_path: Path) -> None:
    old, new = status_list(), status_list(revoked=(1,))
    open_store(tmp_path, issuer_of(old)).refresh(now=NOW)
    open_store(tmp_path, issuer_of(new, version=8)).refresh(now=NOW)
    names = sorted(path.name for path in (tmp_path / "cache").iterdir())
    digest = hashlib.sha256(new).hexdigest()
    assert names == [f"list-{digest}.cose", "snapshot-8.cose"]
    marks = [path.name.split("-")[0] for path in (tmp_path / "state").iterdir()]
    assert sorted(marks) == ["snapshot", "time"]
