"""A store of trust: fetched, kept, never taken back; offline, threads, processes."""

import contextlib
import datetime as dt
import hashlib
import multiprocessing
import resource
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.roots import HOLDERS, make_root
from support.token_minting import (
    DAY,
    HOUR,
    KEYS,
    NOW,
    NOW_SECOND,
    REGION,
    Message,
    content,
    key_id,
    listed,
    private_key,
    public_key,
)

from yibao import _status_list, _trust_format
from yibao._status_list import StatusList, bits_of
from yibao._trust_format import BoundList
from yibao.trust import AgeState, QrError, TrustRoot
from yibao.trust_store import TrustFolderError, TrustStore

FIRST = make_root([public_key("trust")])
SECOND_ROOT = make_root([public_key("trust 2")], version=2)
SECOND = dt.timedelta(seconds=1)
URI, OTHER_URI = f"mi:sl/{REGION}/1", "mi:sl/330200/1"
LISTED = (*KEYS, listed("status", use="status"))


def status_list(uri: str = URI, revoked: tuple[int, ...] = ()) -> bytes:
    made = StatusList(uri, NOW_SECOND - 600, NOW_SECOND - 600 + 7 * DAY, HOUR, bits_of(revoked))
    payload = _status_list.encode_claims(made)
    signature = private_key("status").sign(_status_list.bytes_to_sign(key_id("status"), payload))
    return _status_list.close(key_id("status"), payload, signature)


def snapshot(
    version: int = 7,
    *,
    key: str = "trust",
    age: int = 600,
    lists: tuple[bytes, ...] = (),
    **changes: Any,
) -> bytes:
    """Returns a snapshot that was signed `age` seconds ago."""
    issued = NOW_SECOND - age
    bound = tuple(
        BoundList(
            _status_list.decode_claims(_status_list.open_list(data).payload).uri,
            version,
            hashlib.sha256(data).digest(),
        )
        for data in lists
    )
    values = {
        "version": version,
        "issue_second": issued,
        "expire_second": issued + 7 * DAY,
        "lists": bound,
    }
    encoded = _trust_format.encode(content(LISTED, **{**values, **changes}))
    return Message(encoded, key=key).encode()


class Issuer:
    """A source that answers what it is told to."""

    def __init__(self) -> None:
        self.roots: dict[int, bytes] = {}
        self.snapshots = [snapshot()]
        self.lists: dict[str, bytes] = {}
        self.asked: list[str] = []

    def root(self, version: int) -> bytes | None:
        return self.roots.get(version)

    def snapshot(self) -> bytes:
        self.asked.append("snapshot")
        return self.snapshots.pop(0) if len(self.snapshots) > 1 else self.snapshots[0]

    def status_list(self, uri: str) -> bytes | None:
        self.asked.append(uri)
        return self.lists.get(uri)


def open_store(folder: Path | None, source: Issuer | None = None, **settings: Any) -> TrustStore:
    return TrustStore(
        first_root=FIRST,
        cache_folder=None if folder is None else folder / "cache",
        state_folder=None if folder is None else folder / "state",
        source=source,
        **settings,
    )


def refused(store: TrustStore, data: bytes, now: dt.datetime = NOW) -> str:
    with pytest.raises(QrError) as error:
        store.take_snapshot(data, now=now)
    return error.value.error


def unusable(store: TrustStore, now: dt.datetime = NOW) -> str:
    with pytest.raises(QrError) as error:
        store.current(now=now)
    return error.value.error


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TrustStore:
    return open_store(tmp_path if request.param == "folder" else None)


def test_nothing_is_trusted_before_a_snapshot_is_held(store: TrustStore) -> None:
    assert unusable(store) == "stale_trust"
    assert store.needs_refresh(now=NOW)
    store.take_snapshot(snapshot(), now=NOW)
    assert store.current(now=NOW).version == 7
    assert not store.needs_refresh(now=NOW)
    assert store.needs_refresh(now=NOW + dt.timedelta(minutes=50))


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (dt.timedelta(hours=24), AgeState.FRESH),
        (dt.timedelta(hours=24) + SECOND, AgeState.AGEING),
        (dt.timedelta(days=6), AgeState.AGEING),
        (dt.timedelta(days=7) - SECOND, AgeState.AGEING),
        (dt.timedelta(days=7), AgeState.STALE),
        (dt.timedelta(days=8), AgeState.STALE),
    ],
)
def test_offline_it_is_silent_for_a_day_warns_for_a_week_and_then_refuses(
    tmp_path: Path, age: dt.timedelta, state: AgeState
) -> None:
    taken = open_store(tmp_path).take_snapshot(snapshot(age=0), now=NOW)
    restarted = open_store(tmp_path)
    assert taken.age_state(NOW + age) is state
    if state is AgeState.STALE:
        assert unusable(restarted, NOW + age) == "stale_trust"
    else:
        assert restarted.current(now=NOW + age).age_state(NOW + age) is state


def test_it_never_goes_back(store: TrustStore) -> None:
    store.take_snapshot(snapshot(7), now=NOW)
    assert refused(store, snapshot(6)) == "stale_trust"
    assert refused(store, snapshot(7, refresh_seconds=60)) == "stale_trust"
    assert store.take_snapshot(snapshot(7), now=NOW).version == 7
    assert store.take_snapshot(snapshot(8), now=NOW).version == 8


def test_an_emptied_cache_does_not_take_it_back(tmp_path: Path) -> None:
    open_store(tmp_path).take_snapshot(snapshot(7), now=NOW)
    empty(tmp_path / "cache")
    store = open_store(tmp_path)
    assert unusable(store) == "stale_trust"
    assert refused(store, snapshot(6)) == "stale_trust"
    assert refused(store, snapshot(7, refresh_seconds=60)) == "stale_trust"
    assert store.take_snapshot(snapshot(7), now=NOW).version == 7


def test_an_older_snapshot_in_the_cache_is_not_used(tmp_path: Path) -> None:
    open_store(tmp_path).take_snapshot(snapshot(7), now=NOW)
    empty(tmp_path / "cache")
    (tmp_path / "cache" / "snapshot-6.cose").write_bytes(snapshot(6))
    assert unusable(open_store(tmp_path)) == "stale_trust"
    # Nor does the name of a newer one help.
    (tmp_path / "cache" / "snapshot-9.cose").write_bytes(snapshot(6))
    assert unusable(open_store(tmp_path)) == "stale_trust"


def test_a_document_whose_mark_was_never_set_counts_once_it_is_used(tmp_path: Path) -> None:
    """The process that fetched them was stopped between document and mark."""
    store = open_store(tmp_path)
    store.take_root(SECOND_ROOT, now=NOW)
    store.take_snapshot(snapshot(7, key="trust 2"), now=NOW)
    empty(tmp_path / "state")
    assert open_store(tmp_path).current(now=NOW).version == 7
    empty(tmp_path / "cache")
    restarted = open_store(tmp_path)
    assert unusable(restarted) == "stale_trust"
    assert refused(restarted, snapshot(9)) == "stale_trust"  # under the root before
    restarted.take_root(SECOND_ROOT, now=NOW)
    assert refused(restarted, snapshot(6, key="trust 2")) == "stale_trust"


def test_what_cannot_be_stored_counts_all_the_same(tmp_path: Path) -> None:
    """A disk that is full must not keep a withdrawn or killed key in force."""
    store = open_store(tmp_path)
    store.take_snapshot(snapshot(7), now=NOW)
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_bytes(b"no folder")
    listed = status_list()
    with pytest.raises(OSError, match="cache"):
        store.take_snapshot(snapshot(8, lists=(listed,)), now=NOW)
    with pytest.raises(OSError, match="cache"):
        store.take_status_list(listed, now=NOW)
    trust = store.current(now=NOW)
    assert trust.version == 8
    trust.check_status(URI, 5, now=NOW)
    with pytest.raises(OSError, match="cache"):
        store.take_root(SECOND_ROOT, now=NOW)
    assert unusable(store) == "stale_trust"
    store.root.check_age(NOW)
    assert store.root.version == 2


@pytest.mark.parametrize("damage", ["cut", "altered", "empty", "foreign"])
def test_what_lies_in_the_cache_is_verified_again(tmp_path: Path, damage: str) -> None:
    open_store(tmp_path).take_snapshot(snapshot(7), now=NOW)
    file = tmp_path / "cache" / "snapshot-7.cose"
    data = file.read_bytes()
    file.write_bytes(
        {
            "cut": data[:-1],
            "altered": data[:-1] + bytes((data[-1] ^ 1,)),
            "empty": b"",
            "foreign": snapshot(7, key="another trust key"),
        }[damage]
    )
    store = open_store(tmp_path)
    assert unusable(store) == "stale_trust"
    assert store.take_snapshot(snapshot(7), now=NOW).version == 7
    assert file.read_bytes() == data


def test_a_clock_behind_what_was_signed_is_suspect(tmp_path: Path) -> None:
    open_store(tmp_path).take_snapshot(snapshot(age=0), now=NOW)
    store = open_store(tmp_path)
    assert store.current(now=NOW - 60 * SECOND).version == 7
    with pytest.raises(QrError) as error:
        store.current(now=NOW - 61 * SECOND)
    assert (error.value.error, error.value.offset_seconds) == ("clock_suspect", -61)


def test_an_accepted_code_moves_the_floor_of_time(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.take_snapshot(snapshot(age=HOUR), now=NOW)
    store.note_time(NOW)
    assert unusable(store, NOW - 61 * SECOND) == "clock_suspect"
    # Kept over a restart to within a minute, as not every code is worth a write.
    store.note_time(NOW + 59 * SECOND)
    restarted = open_store(tmp_path)
    assert restarted.current(now=NOW - 60 * SECOND).version == 7
    assert unusable(restarted, NOW - 61 * SECOND) == "clock_suspect"
    store.note_time(NOW + 60 * SECOND)
    assert unusable(open_store(tmp_path), NOW - SECOND) == "clock_suspect"


def test_an_earlier_time_changes_nothing(store: TrustStore) -> None:
    store.take_snapshot(snapshot(), now=NOW)
    store.note_time(NOW - dt.timedelta(days=400))
    assert store.current(now=NOW).version == 7


# --- Roots.


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


# --- Status lists.


def issuer_of(*lists: bytes, version: int = 7) -> Issuer:
    issuer = Issuer()
    issuer.snapshots = [snapshot(version, lists=lists)]
    for data in lists:
        uri = _status_list.decode_claims(_status_list.open_list(data).payload).uri
        issuer.lists[uri] = data
    return issuer


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


# --- Threads and processes.


def test_another_store_over_the_same_folders_is_followed(tmp_path: Path) -> None:
    one, other = open_store(tmp_path), open_store(tmp_path)
    one.take_snapshot(snapshot(7), now=NOW)
    assert other.current(now=NOW).version == 7
    one.take_snapshot(snapshot(8), now=NOW)
    assert other.current(now=NOW + 4 * SECOND).version == 7
    assert other.current(now=NOW + 5 * SECOND).version == 8
    # What the other has taken, it does not take back.
    one.take_snapshot(snapshot(9), now=NOW)
    assert refused(other, snapshot(8)) == "stale_trust"
    assert open_store(tmp_path).current(now=NOW).version == 9


def test_threads_share_a_store(tmp_path: Path) -> None:
    issuer = issuer_of(status_list())
    store = open_store(tmp_path, issuer)
    store.refresh(now=NOW)
    seen: list[int] = []
    errors: list[BaseException] = []

    def use(number: int) -> None:
        try:
            for version in range(8, 28):
                if number == 0:
                    store.take_snapshot(snapshot(version, lists=(status_list(),)), now=NOW)
                store.note_time(NOW + number * SECOND)
                seen.append(store.current(now=NOW).version)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.current(now=NOW).version == 27
    assert store.current(now=NOW).status_lists.keys() == {URI}


def _take_many(folder: str, start: int) -> None:
    store = open_store(Path(folder))
    refusals = set()
    for version in range(start, start + 40, 2):
        try:
            store.take_snapshot(snapshot(version), now=NOW)
        except QrError as error:
            refusals.add(error.message)
    # The other process was ahead, and nothing else.
    assert refusals <= {"the snapshot is older than one that was held here"}


def test_two_processes_share_the_folders(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_take_many, args=(str(tmp_path), start)) for start in (8, 9)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    # Versions 46 and 47 were the last of either; the higher stands, with its document.
    store = open_store(tmp_path)
    assert store.current(now=NOW).version == 47
    assert refused(store, snapshot(46)) == "stale_trust"


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@contextlib.contextmanager
def no_more_files() -> Iterator[None]:
    """Lets this process open nothing more, as one that many have connected to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with tempfile.TemporaryFile() as lowest_free:
        least = lowest_free.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (least, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_is_held_serves_on_where_no_file_can_be_opened(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.take_snapshot(snapshot(7), now=NOW)
    for later in (SECOND * 6, SECOND * 12):
        with no_more_files():
            trust = store.current(now=NOW + later)
        assert trust.version == 7
    empty = open_store(tmp_path / "empty")
    with no_more_files(), pytest.raises(TrustFolderError):
        empty.current(now=NOW)
