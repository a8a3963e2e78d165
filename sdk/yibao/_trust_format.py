"""The content of a trust snapshot as CBOR: `docs/coding/trust.md`."""

import enum
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeVar

from yibao import _cbor
from yibao._token import KEY_ID_BYTES, PUBLIC_KEY_BYTES, key_id_of

# What a key is for; one key has one use.
USE_TOKEN: Final = "tok"  # noqa: S105 - codes of mode A
USE_CREDENTIAL: Final = "cred"  # device certificates
USE_STATUS: Final = "status"  # status lists
MAX_KEYS: Final = 512
MAX_LISTS: Final = 256
MAX_DENIED: Final = 1024
CERTIFICATE_ID_BYTES: Final = 8
DIGEST_BYTES: Final = 32
# The hard age: a verifier that is cut off trusts what it has for this long at most.
MAX_LIFE_SECONDS: Final = 7 * 86_400
# 31 December 9999, the last second that Python's datetimes can show.
LAST_SECOND: Final = 253_402_300_799

_VERSION, _ISSUE, _EXPIRE, _REFRESH, _KEYS, _LISTS, _DENIED = range(1, 8)
_KEY_ID, _PUBLIC_KEY, _USE, _ISSUERS, _START, _KEY_EXPIRE, _STATE, _KILLED = range(1, 9)

_LIST_URI = re.compile(r"mi:sl/([0-9]{6})/[1-9][0-9]{0,8}", re.ASCII)

_Ordered = TypeVar("_Ordered", bytes, str)


class FormatError(ValueError):
    """The content is well-formed CBOR but not a trust snapshot."""


class KeyState(enum.IntEnum):
    """Where a key is in its life."""

    NEXT = 1
    ACTIVE = 2
    RETIRING = 3
    KILLED = 4


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One key as listed; `killed_second` is set exactly for a killed one."""

    key_id: bytes
    public_key: bytes
    use: str
    issuers: tuple[str, ...]
    start_second: int
    expire_second: int
    state: KeyState
    killed_second: int | None = None


@dataclass(frozen=True, slots=True)
class BoundList:
    """A status list as the snapshot binds it: this content of it and no other."""

    uri: str
    version: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class SnapshotContent:
    """What the trust key signs."""

    version: int
    issue_second: int
    expire_second: int
    refresh_seconds: int
    keys: tuple[KeyEntry, ...]
    lists: tuple[BoundList, ...] = ()
    denied: tuple[bytes, ...] = ()


def list_uri(region: str, number: int) -> str:
    """Returns the name of a region's status list; `number` is from 1 on."""
    uri = f"mi:sl/{region}/{number}"
    if region_of_list(uri) != region:
        raise ValueError("a status list has a region of six digits and a number from 1 on")
    return uri


def region_of_list(uri: str) -> str | None:
    """Returns the region whose status list `uri` names, or None where it names none."""
    match = _LIST_URI.fullmatch(uri)
    return match[1] if match else None


def encode(content: SnapshotContent) -> bytes:
    """Returns the content as bytes, with keys, issuers, lists and denied ids in order."""
    keys = sorted(content.keys, key=lambda key: key.key_id)
    lists = sorted(content.lists, key=lambda bound: bound.uri)
    return _cbor.encode(
        {
            _VERSION: content.version,
            _ISSUE: content.issue_second,
            _EXPIRE: content.expire_second,
            _REFRESH: content.refresh_seconds,
            _KEYS: [_encode_key(key) for key in keys],
            _LISTS: [[bound.uri, bound.version, bound.digest] for bound in lists],
            _DENIED: sorted(content.denied),
        }
    )


def _encode_key(key: KeyEntry) -> dict[int | str, _cbor.Value]:
    entry: dict[int | str, _cbor.Value] = {
        _KEY_ID: key.key_id,
        _PUBLIC_KEY: key.public_key,
        _USE: key.use,
        _ISSUERS: sorted(key.issuers),
        _START: key.start_second,
        _KEY_EXPIRE: key.expire_second,
        _STATE: int(key.state),
    }
    if key.killed_second is not None:
        entry[_KILLED] = key.killed_second
    return entry


def decode(payload: bytes) -> SnapshotContent:
    """Returns the content of `payload`.

    Raises:
        CborError: It is not deterministic CBOR of our subset.
        FormatError: A label, type, range or order is not that of a snapshot.
    """
    decoded = _cbor.decode(payload, max_entries=max(MAX_KEYS, MAX_LISTS, MAX_DENIED))
    fields = _fields(decoded, required=range(1, 8))
    listed = _items(fields[_KEYS], "keys", most=MAX_KEYS)
    _require(len(listed) > 0, "no keys")
    keys = tuple(_decode_key(entry) for entry in listed)
    _require_rising([key.key_id for key in keys], "keys")
    lists = tuple(_decode_list(entry) for entry in _items(fields[_LISTS], "lists", most=MAX_LISTS))
    _require_rising([bound.uri for bound in lists], "lists")
    content = SnapshotContent(
        _uint(fields[_VERSION]),
        _second(fields[_ISSUE]),
        _second(fields[_EXPIRE]),
        _uint(fields[_REFRESH]),
        keys,
        lists,
        _denied(fields[_DENIED]),
    )
    life = content.expire_second - content.issue_second
    _require(content.version >= 1, "version 0")
    _require(0 < life <= MAX_LIFE_SECONDS, "a life outside 1 second to 7 days")
    _require(0 < content.refresh_seconds <= life, "a refresh outside its life")
    return content


def _decode_key(entry: _cbor.Value) -> KeyEntry:
    fields = _fields(entry, required=range(1, 8), optional=_KILLED)
    key_id, public_key = fields[_KEY_ID], fields[_PUBLIC_KEY]
    _require(isinstance(key_id, bytes) and len(key_id) == KEY_ID_BYTES, "a key id")
    _require(isinstance(public_key, bytes) and len(public_key) == PUBLIC_KEY_BYTES, "a key")
    assert isinstance(key_id, bytes)
    assert isinstance(public_key, bytes)
    _require(key_id == key_id_of(public_key), "a key id that is not of its key")
    use = fields[_USE]
    _require(isinstance(use, str) and 1 <= len(use) <= 16, "a use")
    assert isinstance(use, str)
    start, expire = _second(fields[_START]), _second(fields[_KEY_EXPIRE])
    _require(start < expire, "a key that ends before it starts")
    state = _state(fields[_STATE])
    killed = fields.get(_KILLED)
    _require((killed is not None) == (state is KeyState.KILLED), "killed without its time")
    killed_second = None if killed is None else _second(killed)
    issuers = _issuers(fields[_ISSUERS])
    return KeyEntry(key_id, public_key, use, issuers, start, expire, state, killed_second)


def _decode_list(entry: _cbor.Value) -> BoundList:
    fields = _items(entry, "a list", most=3)
    _require(len(fields) == 3, "a list without its three parts")
    uri, version, digest = fields
    _require(isinstance(uri, str) and region_of_list(uri) is not None, "the name of a list")
    _require(isinstance(digest, bytes) and len(digest) == DIGEST_BYTES, "the digest of a list")
    assert isinstance(uri, str)
    assert isinstance(digest, bytes)
    return BoundList(uri, _uint(version), digest)


def _denied(value: _cbor.Value) -> tuple[bytes, ...]:
    listed = _items(value, "denied", most=MAX_DENIED)
    denied = [
        item for item in listed if isinstance(item, bytes) and len(item) == CERTIFICATE_ID_BYTES
    ]
    _require(len(denied) == len(listed), "a denied certificate that is no id of 8 bytes")
    _require_rising(denied, "denied certificates")
    return tuple(denied)


def _items(value: _cbor.Value, what: str, *, most: int) -> list[_cbor.Value]:
    _require(
        isinstance(value, list) and len(value) <= most, f"{what}: not an array of at most {most}"
    )
    assert isinstance(value, list)
    return value


def _fields(
    value: _cbor.Value, *, required: range, optional: int | None = None
) -> dict[int | str, _cbor.Value]:
    """Returns the entries of a map that has the required labels and no unknown one."""
    _require(isinstance(value, dict), "not a map")
    assert isinstance(value, dict)
    _require(value.keys() - {optional} == set(required), "missing or unknown labels")
    return value


def _issuers(value: _cbor.Value) -> tuple[str, ...]:
    _require(isinstance(value, list) and len(value) > 0, "a key without issuers")
    assert isinstance(value, list)
    issuers = [issuer for issuer in value if isinstance(issuer, str) and is_region(issuer)]
    _require(len(issuers) == len(value), "an issuer that is not a 6-digit region")
    _require_rising(issuers, "issuers")
    return tuple(issuers)


def is_region(value: str) -> bool:
    """Tells whether `value` is six ASCII digits."""
    return len(value) == 6 and value.isascii() and value.isdigit()


def _state(value: _cbor.Value) -> KeyState:
    try:
        return KeyState(_uint(value))
    except ValueError:
        raise FormatError("an unknown state") from None


def _uint(value: _cbor.Value) -> int:
    _require(isinstance(value, int) and value >= 0, "not an unsigned integer")
    assert isinstance(value, int)
    return value


def _second(value: _cbor.Value) -> int:
    second = _uint(value)
    _require(second <= LAST_SECOND, "a time after the year 9999")
    return second


def _require_rising(values: list[_Ordered], what: str) -> None:
    _require(all(low < high for low, high in pairwise(values)), f"{what} repeated or out of order")


def _require(holds: bool, fault: str) -> None:
    if not holds:
        raise FormatError(fault)
