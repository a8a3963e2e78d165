"""Ways for a root of trust and a status list to be valid or invalid."""

import datetime as dt
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from support.roots import HOLDERS, make_root, root_content, sign_root
from support.token_minting import (
    DAY,
    HOUR,
    KEYS,
    NOW,
    NOW_SECOND,
    REGION,
    key_id,
    listed,
    private_key,
    public_key,
    snapshot,
)

from yibao import _cbor, _status_list
from yibao._root import encode_content
from yibao._status_list import StatusList, bits_of
from yibao._trust_format import BoundList

TRUST = (public_key("trust"),)
NEW_HOLDERS = ("holder 2", "holder 4", "holder 5")
URI = f"mi:sl/{REGION}/7"
REVOKED = (0, 7, 8, 1_048_575)


@dataclass(frozen=True)
class RootCase:
    """A root, the one that it follows (None: it is the first), and the error."""

    name: str
    data: bytes
    previous: bytes | None = None
    error: str | None = None


@dataclass(frozen=True)
class ListCase:
    """A status list with the snapshot that binds it, and the error.

    `index` is looked up where the list is accepted: `revoked` is an answer too.
    """

    name: str
    data: bytes
    snapshot: bytes
    index: int = 1
    error: str | None = None
    now: dt.datetime = NOW


def root_cases() -> Iterator[RootCase]:
    first = make_root(TRUST)
    yield RootCase("first, signed by two of three", first)
    yield RootCase("first, signed by all", make_root(TRUST, HOLDERS))
    yield RootCase("first, signed by one", make_root(TRUST, HOLDERS[:1]), error="bad_signature")
    yield RootCase("first, unsigned", make_root(TRUST, ()), error="bad_signature")
    strangers = make_root(TRUST, ("stranger 1", "stranger 2"))
    yield RootCase("first, signed by strangers", strangers, error="bad_signature")
    changed = bytearray(first)
    changed[-1] ^= 1
    yield RootCase("altered", bytes(changed), error="bad_signature")
    yield RootCase("byte after the end", first + b"\x00", error="malformed")
    yield RootCase("a COSE_Sign1", b"\xd2" + first[2:], error="malformed")

    keys = tuple(sorted(public_key(name) for name in NEW_HOLDERS))
    for name, signers, error in (
        ("second, by two of either", ("holder 1", "holder 2", "holder 4"), None),
        ("second, by the old alone", ("holder 1", "holder 2"), "bad_signature"),
        ("second, by the new alone", ("holder 4", "holder 5"), "bad_signature"),
    ):
        data = make_root(TRUST, signers, version=2, root_keys=keys)
        yield RootCase(name, data, first, error)
    same = make_root(TRUST, version=2)
    yield RootCase("second, with the same keys", same, first)
    yield RootCase("third after first", make_root(TRUST, version=3), first, "stale_trust")
    yield RootCase("first after first", first, first, "stale_trust")

    faults: dict[str, dict[str, Any]] = {
        "two root keys": {"root_keys": root_content(TRUST).root_keys[:2]},
        "threshold 1": {"threshold": 1},
        "threshold above the keys": {"threshold": 4},
        "no trust key": {"trust_keys": ()},
        "a root key as trust key": {"trust_keys": (public_key(HOLDERS[0]),)},
        "version 0": {"version": 0},
        "ends as it starts": {"expire_second": root_content(TRUST).issue_second},
    }
    for name, changes in faults.items():
        values: dict[str, Any] = {"trust_keys": TRUST, **changes}
        payload = encode_content(root_content(**values))
        yield RootCase(name, sign_root(payload, HOLDERS), error="malformed")


def list_cases() -> Iterator[ListCase]:
    data = document()
    bound = binding(data)
    for index in (0, 1, 7, 8, 9, 1_048_575):
        error = "revoked" if index in REVOKED else None
        yield ListCase(f"entry {index}", data, bound, index, error)
    yield ListCase("entry that the list has not", data, bound, 1_048_576, "malformed")
    other = document(revoked=(1,))
    yield ListCase("another content than bound", other, bound, error="stale_trust")
    yield ListCase(
        "bound under another name", data, binding(data, "mi:sl/330100/8"), error="stale_trust"
    )
    end = NOW - dt.timedelta(minutes=10) + dt.timedelta(days=7)
    late = binding(data, expire_second=NOW_SECOND + 7 * DAY, version=8, issue_second=NOW_SECOND)
    yield ListCase("past its age", data, late, error="stale_trust", now=end)
    for key, error in (("unlisted", "unknown_key"), ("active", "unknown_key")):
        wrong = document(key=key)
        yield ListCase(f"signed by the key {key}", wrong, binding(wrong), error=error)
    altered = bytearray(data)
    altered[-1] ^= 1
    yield ListCase(
        "altered signature", bytes(altered), binding(bytes(altered)), error="bad_signature"
    )

    good = _cbor.decode(_status_list.encode_claims(content(())))
    assert isinstance(good, dict)
    packed = zlib.compress(bytes(1))
    faulty: dict[str, _cbor.Value] = {
        "two bits an entry": {"bits": 2, "lst": packed},
        "more than the most entries": {"bits": 1, "lst": zlib.compress(bytes(131_073))},
        "a stream cut short": {"bits": 1, "lst": packed[:-1]},
        "bytes after the stream": {"bits": 1, "lst": packed + b"\x00"},
        "no entries": {"bits": 1, "lst": zlib.compress(b"")},
        "not a stream": {"bits": 1, "lst": b"not zlib"},
    }
    for name, status in faulty.items():
        made = sign(_cbor.encode({**good, 65533: status}))
        yield ListCase(name, made, binding(made), error="malformed")


def content(revoked: tuple[int, ...]) -> StatusList:
    issued = NOW_SECOND - 600
    # A short list, so that the file stays small; the last entry asks for the longest.
    entries = 1 << 20 if revoked else 8
    return StatusList(URI, issued, issued + 7 * DAY, HOUR, bits_of(revoked, entries=entries))


def sign(payload: bytes, key: str = "status") -> bytes:
    signature = private_key(key).sign(_status_list.bytes_to_sign(key_id(key), payload))
    return _status_list.close(key_id(key), payload, signature)


def document(revoked: tuple[int, ...] = REVOKED, key: str = "status") -> bytes:
    return sign(_status_list.encode_claims(content(revoked)), key)


def binding(data: bytes, uri: str = URI, **changes: int) -> bytes:
    """Returns a snapshot that binds a list."""
    keys = (*KEYS, listed("status", use="status"))
    bound = (BoundList(uri, 1, hashlib.sha256(data).digest()),)
    return snapshot(keys, lists=bound, **changes)
