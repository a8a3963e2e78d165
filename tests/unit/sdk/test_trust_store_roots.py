"""A store of trust walks from root to root and gives none up."""

import datetime as dt
from pathlib import Path

import pytest
from support.roots import HOLDERS, make_root
from support.token_minting import HOUR, NOW, NOW_SECOND, public_key
from support.trust_stores import (
    FIRST,
    SECOND,
    SECOND_ROOT,
    Issuer,
    empty,
    open_store,
    refused,
    snapshot,
    unusable,
)

from yibao.trust import QrError, TrustRoot
from yibao.trust_store import TrustStore


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TrustStore:
    return open_store(tmp_path if request.param == "folder" else None)


def test_it_walks_from_root_to_root(tmp_path: Path) -> None:
    issuer = Issuer()
    issuer.roots = {2: SECOND_ROOT, 3: make_root([public_key("trust 3")], version=3)}
    issuer.snapshots = [snapshot(9, key="trust 3")]
    store = open_store(tmp_path, issuer)
    assert store.refresh(now=NOW).version == 9
    assert store.root.version == 3
    restarted = open_store(tmp_path)
    assert restarted.current(now=NOW).version == 9
    assert restarted.root.version == 3


def test_a_withdrawn_trust_key_counts_for_nothing(store: TrustStore) -> None:
    store.take_snapshot(snapshot(2**40), now=NOW)
    store.take_root(SECOND_ROOT, now=NOW)
    assert unusable(store) == "stale_trust"
    assert refused(store, snapshot(2**40)) == "unknown_key"
    # Not even the version that its thief may have run up.
    assert store.take_snapshot(snapshot(8, key="trust 2"), now=NOW).version == 8


def test_a_root_that_both_allow_keeps_the_line_of_versions(store: TrustStore) -> None:
    both = make_root([public_key("trust"), public_key("trust 2")], version=2)
    store.take_snapshot(snapshot(7), now=NOW)
    store.take_root(both, now=NOW)
    assert store.current(now=NOW).version == 7
    assert refused(store, snapshot(6, key="trust 2")) == "stale_trust"
    assert store.take_snapshot(snapshot(8, key="trust 2"), now=NOW).version == 8
    assert refused(store, snapshot(7)) == "stale_trust"


def test_a_root_that_was_held_is_not_given_up_with_the_cache(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.take_root(SECOND_ROOT, now=NOW)
    store.take_snapshot(snapshot(key="trust 2"), now=NOW)
    empty(tmp_path / "cache")
    store = open_store(tmp_path)
    # The withdrawn key of root 1 would verify this one.
    assert refused(store, snapshot(9)) == "stale_trust"
    assert unusable(store) == "stale_trust"
    other = make_root([public_key("trust 9")], HOLDERS, version=2)
    with pytest.raises(QrError, match="another root of this version"):
        store.take_root(other, now=NOW)
    store.take_root(SECOND_ROOT, now=NOW)
    assert store.take_snapshot(snapshot(key="trust 2"), now=NOW).version == 7


def test_a_false_root_in_the_cache_is_passed_over(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.take_snapshot(snapshot(), now=NOW)
    (tmp_path / "cache" / "root-2.cose").write_bytes(make_root([public_key("x")], (), version=2))
    restarted = open_store(tmp_path)
    assert restarted.current(now=NOW).version == 7
    assert restarted.root.version == 1


def test_an_expired_root_refuses(tmp_path: Path) -> None:
    short = make_root([public_key("trust")], expire_second=NOW_SECOND + HOUR)
    store = TrustStore(first_root=short)
    store.take_snapshot(snapshot(), now=NOW)
    end = NOW + dt.timedelta(hours=1)
    store.current(now=end - SECOND)
    assert unusable(store, end) == "stale_trust"
    assert refused(store, snapshot(8), end) == "stale_trust"
    expired = TrustRoot.first(short)
    later = make_root([public_key("trust")], version=2)
    assert expired.successor(later).version == 2
    store.take_root(later, now=end)
    assert store.current(now=end).version == 7


def test_what_is_no_root_starts_no_store() -> None:
    with pytest.raises(QrError, match="malformed"):
        TrustStore(first_root=b"")
    with pytest.raises(QrError, match="bad_signature"):
        TrustStore(first_root=make_root([public_key("trust")], HOLDERS[:1]))


@pytest.mark.parametrize("folders", [("cache", None), (None, "state"), ("same", "same")])
def test_folders_that_do_not_serve_are_a_mistake_of_the_caller(
    tmp_path: Path, folders: tuple[str | None, str | None]
) -> None:
    cache, state = (None if name is None else tmp_path / name for name in folders)
    with pytest.raises(ValueError, match="cache_folder"):
        TrustStore(first_root=FIRST, cache_folder=cache, state_folder=state)
