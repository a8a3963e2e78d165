"""Files that are papers, and those that are not."""

import hashlib
import io
import struct
import zipfile
import zlib

from yibao_offsite.rules.material.parts import PART_BYTES


def pdf(size: int = 0) -> bytes:
    """Returns a small PDF, or one of exactly `size` bytes."""
    head, end = b"%PDF-1.7\n1 0 obj<<>>endobj\n", b"\ntrailer<<>>\n%%EOF\n"
    return head + b"%" * max(0, size - len(head) - len(end)) + end


def png(width: int = 8, height: int = 8) -> bytes:
    """Returns a PNG that says it is so large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def jpeg(width: int = 8, height: int = 8) -> bytes:
    """Returns the outline of a JPEG: a comment, a frame of this size, an end."""
    comment = b"\xff\xfe" + struct.pack(">H", 6) + b"hosp"
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8" + comment + frame + b"\xff\xd9"


def archive() -> bytes:
    """Returns a ZIP archive, as office files are."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as file:
        file.writestr("word/document.xml", "<w:document/>")
    return into.getvalue()


def parts_of(data: bytes) -> list[bytes]:
    """Returns the parts that a file comes in."""
    return [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]


def sha256(data: bytes) -> bytes:
    """Returns the hash of a file or part."""
    return hashlib.sha256(data).digest()
