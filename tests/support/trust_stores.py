"""Stores of trust, and what a source would give them."""

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import pytest
from support.roots import make_root
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
from yibao.trust import QrError
from yibao.trust_store import TrustStore

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


def issuer_of(*lists: bytes, version: int = 7) -> Issuer:
    issuer = Issuer()
    issuer.snapshots = [snapshot(version, lists=lists)]
    for data in lists:
        uri = _status_list.decode_claims(_status_list.open_list(data).payload).uri
        issuer.lists[uri] = data
    return issuer


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
