"""Layouts: messages that differ in values alone are told from all others by one comparison.

The general readers parse; most messages need no parsing, because issuer and phones write
them in one layout. A layout covers every byte: it is either fixed or part of a value.
"""

import struct
from typing import TypeAlias

# How to take the values out, the bytes that are fixed as the ones of an integer, and what
# they are.
Layout: TypeAlias = tuple[struct.Struct, int, int]


def layout(*pieces: bytes | str) -> Layout:
    """Returns the layout of fixed bytes and values, these as formats such as `8s` or `I`."""
    formats: list[str] = []
    fixed, expected = b"", b""
    for piece in pieces:
        is_value = isinstance(piece, str)
        size = struct.calcsize(f">{piece}") if isinstance(piece, str) else len(piece)
        formats.append(piece if isinstance(piece, str) else f"{size}x")
        fixed += bytes(size) if is_value else b"\xff" * size
        expected += bytes(size) if isinstance(piece, str) else piece
    parts = struct.Struct(">" + "".join(formats))
    if parts.size != len(expected):
        raise ValueError("a format of the layout is not of its size")
    return parts, int.from_bytes(fixed, "big"), int.from_bytes(expected, "big")


def size_of(of: Layout) -> int:
    """Returns how many bytes a message of this layout has."""
    return of[0].size
