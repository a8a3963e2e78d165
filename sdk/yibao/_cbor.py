"""Deterministic CBOR (RFC 8949, 4.2.1), the part that tokens need, and nothing else.

Integers, byte strings, text, arrays and maps, each in its one shortest form, map keys
rising bytewise. Tags, floats, true, false, null and indefinite lengths are refused, so
that a value has one encoding and an encoding one meaning.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = int | bytes | str | Sequence["Value"] | Mapping[int | str, "Value"]

MAX_DEPTH = 4
MAX_ENTRIES = 16

_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP = range(6)
# Below this a length of the next wider form would not be the shortest.
_LEAST_OF_WIDTH = {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}


class CborError(ValueError):
    """The bytes are not deterministic CBOR of our subset."""


def encode(value: Value) -> bytes:
    """Returns the one encoding of `value`; map entries are put in order.

    Raises:
        CborError: It holds a boolean, or an integer over 64 bits.
    """
    if isinstance(value, bytes):
        return head(_BYTES, len(value)) + value
    if isinstance(value, str):
        data = value.encode("utf-8")
        return head(_TEXT, len(data)) + data
    if isinstance(value, Mapping):
        entries = sorted((encode(key), encode(item)) for key, item in value.items())
        return head(_MAP, len(entries)) + b"".join(key + item for key, item in entries)
    if isinstance(value, Sequence):
        return head(_ARRAY, len(value)) + b"".join(encode(item) for item in value)
    if isinstance(value, bool):
        raise CborError("booleans are outside the subset")
    return head(_UINT, value) if value >= 0 else head(_NEGATIVE, -1 - value)


def head(major: int, argument: int) -> bytes:
    """Returns the head of an item: its major type and its shortest argument."""
    if argument < 24:
        return bytes((major << 5 | argument,))
    for width, bits in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if argument < 1 << 8 * width:
            return bytes((major << 5 | bits,)) + argument.to_bytes(width, "big")
    raise CborError("an integer over 64 bits")


def decode(data: bytes, *, max_depth: int = MAX_DEPTH, max_entries: int = MAX_ENTRIES) -> Value:
    """Returns the value of `data`, which is one item and nothing after it.

    Args:
        data: The encoding.
        max_depth: How many arrays and maps may be open at once.
        max_entries: How many items an array, or entries a map, may have.

    Raises:
        CborError: In every other case; no other exception leaves this function.
    """
    value, end = _Decoder(data, max_entries).item(0, max_depth)
    if end != len(data):
        raise CborError("bytes after the end")
    return value


class _Decoder:
    """Reads items out of one sequence of bytes."""

    __slots__ = ("data", "max_entries")

    def __init__(self, data: bytes, max_entries: int) -> None:
        self.data = data
        self.max_entries = max_entries

    def item(self, at: int, depth: int) -> tuple[Value, int]:
        """Returns the item that starts at `at` and where it ends."""
        data = self.data
        if at >= len(data):
            raise CborError("the end comes too early")
        major, argument = data[at] >> 5, data[at] & 31
        at += 1
        if argument >= 24:
            argument, at = self.wide_argument(argument, at)
        # The major types come in pairs: integers, strings, containers, all the rest.
        if major <= _NEGATIVE:
            return (argument if major == _UINT else -1 - argument), at
        if major <= _TEXT:
            end = at + argument
            if end > len(data):
                raise CborError("the end comes too early")
            content = data[at:end]
            return (content if major == _BYTES else _text(content)), end
        if major <= _MAP:
            if depth == 0:
                raise CborError("nested too deeply")
            if argument > self.max_entries:
                raise CborError("too many entries")
            read = self.array if major == _ARRAY else self.map
            return read(at, argument, depth - 1)
        raise CborError("a tag, float or simple value")

    def wide_argument(self, form: int, at: int) -> tuple[int, int]:
        """Returns an argument of 1, 2, 4 or 8 bytes, refused unless it needs them."""
        if form > 27:
            raise CborError("an indefinite or reserved length")
        width = 1 << (form - 24)
        end = at + width
        if end > len(self.data):
            raise CborError("the end comes too early")
        argument = int.from_bytes(self.data[at:end], "big")
        if argument < _LEAST_OF_WIDTH[width]:
            raise CborError("an integer or length longer than needed")
        return argument, end

    def array(self, at: int, count: int, depth: int) -> tuple[Value, int]:
        """Returns `count` items from `at` on."""
        items: list[Value] = []
        for _ in range(count):
            item, at = self.item(at, depth)
            items.append(item)
        return items, at

    def map(self, at: int, count: int, depth: int) -> tuple[Value, int]:
        """Returns `count` entries from `at` on; equal or falling keys are refused."""
        entries: dict[int | str, Value] = {}
        previous = b""
        for _ in range(count):
            key, end = self.item(at, depth)
            if not isinstance(key, (int, str)):
                raise CborError("a map key is neither an integer nor text")
            encoded = self.data[at:end]
            if encoded <= previous:
                raise CborError("map keys are repeated or out of order")
            previous = encoded
            entries[key], at = self.item(end, depth)
        return entries, at


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise CborError("text is not UTF-8") from None
