"""Every way for a trust snapshot to be valid or invalid."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

from support.token_minting import (
    CODE_ID,
    DAY,
    KEYS,
    NOW,
    NOW_SECOND,
    Message,
    content,
    key_id,
    listed,
    public_key,
    snapshot,
)

from yibao import _cbor, _trust_format
from yibao._token import key_id_of
from yibao._trust_format import BoundList, KeyState

SECOND = dt.timedelta(seconds=1)
MOMENT = dt.timedelta(microseconds=1)
ISSUED = NOW - 600 * SECOND

# The identity, a point of order 8, an encoding that is not canonical (2**255 - 19) and
# one of no point (y = 2).
NOT_KEYS = {
    "the identity": b"\x01" + bytes(31),
    "of order 8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    "not canonical": b"\xed" + b"\xff" * 30 + b"\x7f",
    "no point": b"\x02" + bytes(31),
}


URI = "mi:sl/330100/7"
DIGEST = bytes(range(32))
LIST_FAULTS: dict[str, _cbor.Value] = {
    "an empty map": {},
    "entry not an array": [URI],
    "entry of two parts": [[URI, 1]],
    "entry of four parts": [[URI, 1, DIGEST, 0]],
    "name an integer": [[7, 1, DIGEST]],
    "name of no list": [["mi:sl/330100/", 1, DIGEST]],
    "name of another scheme": [["https://sl/330100/7", 1, DIGEST]],
    "name with number 0": [["mi:sl/330100/0", 1, DIGEST]],
    "name with other digits": [["mi:sl/33010\u0661/7", 1, DIGEST]],
    "version of text": [[URI, "1", DIGEST]],
    "version negative": [[URI, -1, DIGEST]],
    "digest of 31 bytes": [[URI, 1, DIGEST[:31]]],
    "digest of text": [[URI, 1, "x" * 32]],
    "twice": [[URI, 1, DIGEST], [URI, 2, DIGEST]],
    "out of order": [[URI, 1, DIGEST], ["mi:sl/330100/10", 1, DIGEST]],
    "257 of them": [[f"mi:sl/{100000 + n}/1", 1, DIGEST] for n in range(257)],
}
DENIED_FAULTS: dict[str, _cbor.Value] = {
    "a map": {},
    "id of 7 bytes": [bytes(7)],
    "id of 9 bytes": [bytes(9)],
    "id of text": ["8 letter"],
    "twice": [bytes(8), bytes(8)],
    "out of order": [b"b" * 8, b"a" * 8],
    "1025 of them": [n.to_bytes(8) for n in range(1025)],
}


@dataclass(frozen=True)
class SnapshotCase:
    """A snapshot, when it is verified, and the error (None: accepted)."""

    name: str
    data: bytes
    error: str | None = None
    offset_seconds: int | None = None
    now: dt.datetime = NOW


def all_snapshot_cases() -> Iterator[SnapshotCase]:
    yield SnapshotCase("valid", snapshot())
    yield from frame_cases()
    yield from time_cases()
    yield from content_cases()
    yield from key_cases()
    yield from list_cases()
    yield from shape_cases()


def frame_cases() -> Iterator[SnapshotCase]:
    data = snapshot()
    altered = data[:25] + bytes((data[25] ^ 1,)) + data[26:]
    yield SnapshotCase("altered", altered, "bad_signature")
    encoded = _trust_format.encode(content())
    other = Message(encoded, key="active").encode()
    yield SnapshotCase("signed with a key for codes", other, "unknown_key")
    yield SnapshotCase("byte after the end", data + b"\x00", "malformed")
    yield SnapshotCase("empty", b"", "malformed")
    one = (listed("active", issuers=("330100",)),)
    short = _trust_format.encode(content(one))
    assert len(short) < 256
    wide = Message(short, key="trust", content_head=b"\x59" + len(short).to_bytes(2))
    yield SnapshotCase("payload of under 256 bytes", snapshot(one))
    yield SnapshotCase("payload length longer than needed", wide.encode(), "malformed")


def time_cases() -> Iterator[SnapshotCase]:
    data = snapshot()
    hard_age = ISSUED + dt.timedelta(days=7)
    yield SnapshotCase("last moment", data, now=hard_age - MOMENT)
    yield SnapshotCase("hard age", data, "stale_trust", now=hard_age)
    yield SnapshotCase("clock 60 s behind", data, now=ISSUED - 60 * SECOND)
    behind = ISSUED - 60 * SECOND - MOMENT
    yield SnapshotCase("clock over 60 s behind", data, "clock_suspect", -61, behind)


def content_cases() -> Iterator[SnapshotCase]:
    issued = NOW_SECOND - 600
    for name, changes in {
        "version 0": {"version": 0},
        "life of 0 s": {"expire_second": issued, "refresh_seconds": 1},
        "life and refresh of 0 s": {"expire_second": issued, "refresh_seconds": 0},
        "life over 7 days": {"expire_second": issued + 7 * DAY + 1},
        "refresh of 0 s": {"refresh_seconds": 0},
        "refresh over its life": {"refresh_seconds": 7 * DAY + 1},
    }.items():
        yield SnapshotCase(name, snapshot(KEYS, **changes), "malformed")
    yield SnapshotCase("refresh of its whole life", snapshot(refresh_seconds=7 * DAY))
    # The large version makes the payload longer than the 24 bytes that the frame wants.
    yield SnapshotCase("no keys", snapshot((), version=2**40), "malformed")
    yield SnapshotCase("version 1", snapshot(version=1))
    yield SnapshotCase(
        "life of 1 s", snapshot(expire_second=NOW_SECOND - 599, refresh_seconds=1), now=ISSUED
    )


def key_cases() -> Iterator[SnapshotCase]:
    good = listed("active")
    for name, key in {
        "key id not of its key": replace(good, key_id=key_id("next")),
        "the trust key for codes": listed("trust"),
        "key without issuers": replace(good, issuers=()),
        "issuer of 5 digits": replace(good, issuers=("33010",)),
        "issuer of letters": replace(good, issuers=("33010A",)),
        "issuer of other digits": replace(good, issuers=("33010\u0661",)),
        "issuer twice": replace(good, issuers=("330100", "330100")),
        "key that ends as it starts": replace(good, expire_second=good.start_second),
        "key that ends after the calendar": replace(good, expire_second=253_402_300_800),
        "killed without its time": replace(good, state=KeyState.KILLED),
        "killed time of a living key": replace(good, killed_second=NOW_SECOND),
        "use empty": replace(good, use=""),
        "use of 17 characters": replace(good, use="u" * 17),
    }.items():
        yield SnapshotCase(name, snapshot((key,)), "malformed")
    for name, raw in NOT_KEYS.items():
        key = replace(good, public_key=raw, key_id=key_id_of(raw))
        yield SnapshotCase(f"key {name}", snapshot((key,)), "malformed")
        other = replace(key, use="cred")
        yield SnapshotCase(f"key {name}, of another use", snapshot((other,)), "malformed")
    yield SnapshotCase("key twice", snapshot((good, good)), "malformed")
    both_uses = (good, replace(good, use="cred"))
    yield SnapshotCase("key for two uses", snapshot(both_uses), "malformed")
    for use in ("u", "u" * 16):
        other = replace(good, use=use)
        yield SnapshotCase(f"use of {len(use)} characters", snapshot((other,)))
    for start in (0, 253_402_300_798):
        edge = replace(good, start_second=start, expire_second=253_402_300_799)
        yield SnapshotCase(f"key from second {start} to the last", snapshot((edge,)))
    ends = good.start_second + 1
    yield SnapshotCase("key of 1 s", snapshot((replace(good, expire_second=ends),)))


def list_cases() -> Iterator[SnapshotCase]:
    bound = (BoundList(URI, 0, DIGEST), BoundList("mi:sl/330200/1", 1, DIGEST))
    yield SnapshotCase("two lists", snapshot(lists=bound))
    most = tuple(BoundList(f"mi:sl/{100000 + n}/1", n, DIGEST) for n in range(256))
    yield SnapshotCase("256 lists", snapshot(lists=most))
    yield SnapshotCase("one denied certificate", snapshot(denied=(CODE_ID,)))
    yield SnapshotCase("1024 denied", snapshot(denied=tuple(n.to_bytes(8) for n in range(1024))))


def shape_cases() -> Iterator[SnapshotCase]:
    """Signed by the trust key: what the reader of the content must refuse."""
    good = _cbor.decode(_trust_format.encode(content()))
    key = _cbor.decode(_cbor.encode(_first_key()))
    assert isinstance(good, dict)
    assert isinstance(key, dict)
    shapes: dict[str, _cbor.Value] = {
        "label unknown": {**good, 8: 0},
        "label missing": {label: value for label, value in good.items() if label != 4},
        "not a map": ["a list that is long enough for a payload"],
        "keys an empty map": {**good, 5: {}},
        "keys a map": {**good, 5: {0: 0}},
        "key not a map": {**good, 5: [0]},
        "version of text": {**good, 1: "7"},
        "version negative": {**good, 1: -7},
        "key label unknown": {**good, 5: [{**key, 9: 0}]},
        "key label missing": {**good, 5: [{n: value for n, value in key.items() if n != 3}]},
        "key id of 7 bytes": {**good, 5: [{**key, 1: key_id("active")[:7]}]},
        "key id of text": {**good, 5: [{**key, 1: "8 letter"}]},
        "key of 31 bytes": {**good, 5: [{**key, 2: public_key("active")[:31]}]},
        "key of text": {**good, 5: [{**key, 2: "x" * 32}]},
        "use an integer": {**good, 5: [{**key, 3: 1}]},
        "issuers a text": {**good, 5: [{**key, 4: "330100"}]},
        "issuer an integer": {**good, 5: [{**key, 4: [330100]}]},
        "issuers out of order": {**good, 5: [{**key, 4: ["330200", "330100"]}]},
        "state 0": {**good, 5: [{**key, 7: 0}]},
        "state 5": {**good, 5: [{**key, 7: 5}]},
        "keys out of order": {**good, 5: list(reversed(_listed_keys(good)))},
        **{f"lists: {name}": {**good, 6: lists} for name, lists in LIST_FAULTS.items()},
        **{f"denied: {name}": {**good, 7: denied} for name, denied in DENIED_FAULTS.items()},
    }
    for name, shape in shapes.items():
        data = Message(_cbor.encode(shape), key="trust").encode()
        yield SnapshotCase(name, data, "malformed")
    tail = Message(_trust_format.encode(content()) + b"\x00", key="trust")
    yield SnapshotCase("byte after the content", tail.encode(), "malformed")
    crowd = {**good, 5: [0] * 513}
    yield SnapshotCase("513 keys", Message(_cbor.encode(crowd), key="trust").encode(), "malformed")


def _first_key() -> _cbor.Value:
    listed_keys = _cbor.decode(_trust_format.encode(content((KEYS[0],))))
    assert isinstance(listed_keys, dict)
    return _listed_keys(listed_keys)[0]


def _listed_keys(good: dict[int | str, _cbor.Value]) -> list[_cbor.Value]:
    keys = good[5]
    assert isinstance(keys, list)
    return keys
