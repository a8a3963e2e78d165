"""Base45 (RFC 9285), strict: one text for each sequence of bytes and no other."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

# A text is capped before it is read, so that the masks below cover every input.
MAX_TEXT_CHARACTERS = 1536

_OUTSIDE = 255
_VALUES = bytes(
    ALPHABET.index(chr(code)) if chr(code) in ALPHABET else _OUTSIDE for code in range(256)
)
_PAIRS = [low + high for high in ALPHABET for low in ALPHABET]

# Three characters fill a lane of 24 bits, one byte each, so that one multiplication of
# large integers works on all lanes at once. A lane's value is at most 91 124, below
# 2**24, so no lane carries into the next.
_LANES = MAX_TEXT_CHARACTERS // 3
_LOW_BYTES = int.from_bytes(b"\0\0\xff" * _LANES, "big")
_HIGH_BYTES = _LOW_BYTES << 16


class Base45Error(ValueError):
    """The text is not base45."""


def encode(data: bytes) -> str:
    """Returns `data` as base45 in upper case."""
    words = zip(data[0::2], data[1::2], strict=False)
    parts: list[str] = []
    for high, low in words:
        top, rest = divmod(high << 8 | low, 2025)
        parts.append(_PAIRS[rest] + ALPHABET[top])
    if len(data) % 2:
        parts.append(_PAIRS[data[-1]])
    return "".join(parts)


def decode(text: str) -> bytes:
    """Returns the bytes of `text`.

    Raises:
        Base45Error: A character is outside the alphabet (a lower-case letter or a line
            end too), one character is left over, three say more than 65535 or the last
            two more than 255, or the text is over `MAX_TEXT_CHARACTERS` long.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise Base45Error("too long")
    try:
        values = text.encode("ascii").translate(_VALUES)
    except UnicodeEncodeError:
        raise Base45Error("a character outside the alphabet") from None
    if _OUTSIDE in values:
        raise Base45Error("a character outside the alphabet")
    left_over = len(values) % 3
    last = b""
    if left_over:
        if left_over == 1:
            raise Base45Error("one character left over")
        last = _last_byte(values[-2], values[-1])
        values = values[:-2]
    # Each three digits, the least significant first, become two bytes.
    lanes = int.from_bytes(values, "big")
    sums = (lanes >> 16 & _LOW_BYTES) + 45 * (lanes >> 8 & _LOW_BYTES) + 2025 * (lanes & _LOW_BYTES)
    if sums & _HIGH_BYTES:
        raise Base45Error("three characters exceed two bytes")
    result = bytearray(sums.to_bytes(len(values), "big"))
    del result[0::3]
    return bytes(result) + last if last else bytes(result)


def _last_byte(low: int, high: int) -> bytes:
    value = low + 45 * high
    if value > 255:
        raise Base45Error("the last two characters exceed a byte")
    return bytes((value,))
