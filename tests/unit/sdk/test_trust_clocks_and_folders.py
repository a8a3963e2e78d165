"""What neither a clock set back nor a spoilt folder does to a store of trust."""

import datetime as dt
import hashlib
import os
import threading
import tracemalloc
from pathlib import Path

import pytest
from support.presentation_minting import Showing, certificate, outer
from support.roots import HOLDERS, make_root
from support.token_minting import (
    AUDIENCE,
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
    payload,
    private_key,
    public_key,
)

from yibao import _shelf, _status_list, _trust_format, qr
from yibao._status_list import StatusList, bits_of
from yibao._trust_format import BoundList
from yibao.trust import QrError
from yibao.trust_store import TrustFolderError, TrustStore

SECOND = dt.timedelta(seconds=1)
URI = f"mi:sl/{REGION}/1"
LISTED = (*KEYS, listed("status", use="status"))


def open_store(folder: Path) -> TrustStore:
    return TrustStore(
        first_root=make_root([public_key("trust")]),
        cache_folder=folder / "cache",
        state_folder=folder / "state",
    )


def snapshot(
    version: int = 7, *, age: int = 600, listed: tuple[_trust_format.KeyEntry, ...] = LISTED
) -> bytes:
    issued = NOW_SECOND - age
    made = content(
        listed, version=version, issue_second=issued, expire_second=issued + 7 * DAY, lists=()
    )
    return Message(_trust_format.encode(made), key="trust").encode()


def error_of(call: object, *arguments: object, **named: object) -> str:
    with pytest.raises(QrError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value.error


# --- Clocks.


def test_a_clock_set_back_does_not_revive_a_snapshot_that_was_too_old(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.take_snapshot(snapshot(), now=NOW)
    assert error_of(store.current, now=NOW + dt.timedelta(days=7)) == "stale_trust"
    assert error_of(store.current, now=NOW) == "stale_trust"
    assert error_of(open_store(tmp_path).current, now=NOW) == "stale_trust"
    # A later one is another matter.
    store.take_snapshot(snapshot(8), now=NOW)
    assert open_store(tmp_path).current(now=NOW).version == 8


@pytest.mark.parametrize("mode", ["A", "B"])
def test_an_accepted_code_tells_how_far_time_has_come(tmp_path: Path, mode: str) -> None:
    store = open_store(tmp_path)
    trust = store.take_snapshot(snapshot(age=2 * HOUR), now=NOW)
    # The issuer signed the code now, or the phone's certificate an hour ago.
    text = Message(payload()).text() if mode == "A" else Showing(outer(), certificate()).text()
    signed = NOW if mode == "A" else NOW - dt.timedelta(hours=1)
    seen: list[dt.datetime] = []

    def note(issue_time: dt.datetime) -> None:
        seen.append(issue_time)
        store.note_time(issue_time)

    if mode == "B":
        # Whether it is revoked is not known without a list; nothing is noted then.
        verifier = qr.Verifier(trust, note_time=note)
        assert error_of(verifier.check, text, audience=AUDIENCE, now=NOW) == "stale_trust"
        assert seen == []
        return
    qr.Verifier(trust, note_time=note).check(text, audience=AUDIENCE, now=NOW)
    assert seen == [signed]
    assert error_of(store.current, now=signed - 61 * SECOND) == "clock_suspect"
    assert store.current(now=signed - 60 * SECOND).version == 7


def test_a_refused_code_tells_nothing_of_time(tmp_path: Path) -> None:
    trust = open_store(tmp_path).take_snapshot(snapshot(), now=NOW)
    verifier = qr.Verifier(trust, note_time=lambda _time: pytest.fail("it was noted"))
    assert error_of(verifier.check, Message(payload()).text(), audience="x", now=NOW) == (
        "wrong_audience"
    )


@pytest.mark.parametrize(("ahead", "is_taken"), [(60, True), (61, False)])
def test_a_list_and_a_root_of_the_future_are_refused(
    tmp_path: Path, ahead: int, is_taken: bool
) -> None:
    made = StatusList(URI, NOW_SECOND + ahead, NOW_SECOND + DAY, HOUR, bits_of(()))
    claims = _status_list.encode_claims(made)
    signed = private_key("status").sign(_status_list.bytes_to_sign(key_id("status"), claims))
    data = _status_list.close(key_id("status"), claims, signed)
    root = make_root([public_key("trust")], version=2, issue_second=NOW_SECOND + ahead)
    bound = BoundList(URI, 7, hashlib.sha256(data).digest())
    issued = NOW_SECOND - 600
    made_snapshot = content(
        LISTED, version=7, issue_second=issued, expire_second=issued + DAY, lists=(bound,)
    )
    store = open_store(tmp_path)
    store.take_snapshot(Message(_trust_format.encode(made_snapshot), key="trust").encode(), now=NOW)
    if is_taken:
        store.take_status_list(data, now=NOW)
        assert store.take_root(root, now=NOW).version == 2
        return
    assert error_of(store.take_status_list, data, now=NOW) == "clock_suspect"
    assert error_of(store.take_root, root, now=NOW) == "clock_suspect"
    assert store.root.version == 1


def test_a_root_key_that_is_listed_for_another_use_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for name in (HOLDERS[0], "trust"):
        data = snapshot(listed=(*LISTED, listed(name)))
        assert error_of(store.take_snapshot, data, now=NOW) == "malformed"
        assert error_of(store.lists_ahead, data, now=NOW) == "malformed"


# --- Folders.


def in_time(call: object, *arguments: object, **named: object) -> object:
    """Returns what a call returns; one that hangs fails."""
    told: list[object] = []

    def run() -> None:
        try:
            told.append(call(*arguments, **named))  # type: ignore[operator]
        except Exception as error:
            told.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10)
    assert told, "it hangs"
    return told[0]


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and devices")
@pytest.mark.parametrize("spoilt", ["pipe", "endless", "too large", "folder"])
def test_a_cache_file_that_is_none_is_passed_over(tmp_path: Path, spoilt: str) -> None:
    store = open_store(tmp_path)
    data = snapshot()
    store.take_snapshot(data, now=NOW)
    file = tmp_path / "cache" / "snapshot-7.cose"
    file.unlink()
    if spoilt == "pipe":
        os.mkfifo(file)
    elif spoilt == "endless":
        file.symlink_to("/dev/zero")
    elif spoilt == "too large":
        file.write_bytes(data + bytes(_shelf.MAX_DOCUMENT_BYTES))
    else:
        file.mkdir()
    restarted = open_store(tmp_path)
    refusal = in_time(restarted.current, now=NOW)
    assert isinstance(refusal, QrError)
    assert refusal.error == "stale_trust"
    if spoilt != "folder":
        restarted.take_snapshot(data, now=NOW)
        assert open_store(tmp_path).current(now=NOW).version == 7


def test_a_cache_file_is_read_no_further_than_a_document_is_long(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.take_snapshot(snapshot(), now=NOW)
    with (tmp_path / "cache" / "snapshot-7.cose").open("wb") as file:
        file.truncate(64 << 20)
    restarted = open_store(tmp_path)
    tracemalloc.start()
    try:
        assert error_of(restarted.current, now=NOW) == "stale_trust"
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 16 * _shelf.MAX_DOCUMENT_BYTES


def test_every_document_fits_what_is_read() -> None:
    assert _status_list.MAX_LIST_BYTES < _shelf.MAX_DOCUMENT_BYTES


def test_folders_that_cannot_be_used_are_told_as_such(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"")
    with pytest.raises(TrustFolderError, match="blocked"):
        open_store(blocked)
    store = open_store(tmp_path)
    store.take_snapshot(snapshot(), now=NOW)
    snapshot_version = store.current(now=NOW).version
    state = tmp_path / "state"
    for mark in state.iterdir():
        mark.unlink()
    state.rmdir()
    state.write_bytes(b"")
    later = NOW + 10 * SECOND
    # What is held was checked when it was taken.
    assert store.current(now=later).version == snapshot_version
    with pytest.raises(TrustFolderError, match="state"):
        store.take_snapshot(snapshot(8), now=later + 10 * SECOND)
    # A code that was accepted is good all the same.
    store.note_time(NOW + dt.timedelta(hours=1))
