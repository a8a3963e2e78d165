"""The content of a trust snapshot as CBOR: `docs/reference/trust-snapshot.md`."""

import enum
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeVar

from yibao import _cbor
from yibao._token import KEY_ID_BYTES, PUBLIC_KEY_BYTES, key_id_of

USE_TOKEN: Final = "tok"  # noqa: S105 - what a key is for
MAX_KEYS: Final = 512
# The hard age: a verifier that is cut off trusts what it has for this long at most.
MAX_LIFE_SECONDS: Final = 7 * 86_400
# 31 December 9999, the last second that Python's datetimes can show.
LAST_SECOND: Final = 253_402_300_799

_VERSION, _ISSUE, _EXPIRE, _REFRESH, _KEYS = range(1, 6)
_KEY_ID, _PUBLIC_KEY, _USE, _ISSUERS, _START, _KEY_EXPIRE, _STATE, _KILLED = range(1, 9)

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
class SnapshotContent:
    """What the trust key signs."""

    version: int
    issue_second: int
    expire_second: int
    refresh_seconds: int
    keys: tuple[KeyEntry, ...]


def encode(content: SnapshotContent) -> bytes:
    """Returns the content as bytes, keys by id and issuers in order."""
    keys = sorted(content.keys, key=lambda key: key.key_id)
    return _cbor.encode(
        {
            _VERSION: content.version,
            _ISSUE: content.issue_second,
            _EXPIRE: content.expire_second,
            _REFRESH: content.refresh_seconds,
            _KEYS: [_encode_key(key) for key in keys],
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
    fields = _fields(_cbor.decode(payload, max_entries=MAX_KEYS), required=range(1, 6))
    listed = fields[_KEYS]
    _require(isinstance(listed, list) and len(listed) > 0, "keys are not an array of some")
    assert isinstance(listed, list)
    keys = tuple(_decode_key(entry) for entry in listed)
    _require_rising([key.key_id for key in keys], "keys")
    content = SnapshotContent(
        _uint(fields[_VERSION]),
        _second(fields[_ISSUE]),
        _second(fields[_EXPIRE]),
        _uint(fields[_REFRESH]),
        keys,
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
