"""A store of trust: fetched, kept, never taken back; offline, threads, processes."""

import contextlib
import datetime as dt
import multiprocessing
import resource
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.token_minting import HOUR, NOW
from support.trust_stores import (
    SECOND,
    SECOND_ROOT,
    URI,
    empty,
    issuer_of,
    open_store,
    refused,
    snapshot,
    status_list,
    unusable,
)

from yibao.trust import AgeState, QrError
from yibao.trust_store import TrustFolderError, TrustStore


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
