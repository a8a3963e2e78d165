"""What a file is by its own bytes, and what hides in it.

A name or a told type says nothing. Taken are PDF, JPEG and PNG, which every counter can show; HEIC
is not, since it cannot, and its readers had many holes. A file that is two things at once (a
polyglot, such as a PDF with an archive behind it) is refused: a paper has no use for the other one,
and who opens it does not know which one his program takes it for. The whole file is looked through,
part by part, because archives are found from their ends.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.material.material import MediaType, Told

# The most pixels of an image: one of a few bytes must not fill the memory of who looks at it.
MAX_PIXELS = 100_000_000

_BEGINNINGS = (
    (MediaType.PDF, re.compile(rb"%PDF-[12]\.[0-9]")),
    (MediaType.JPEG, re.compile(rb"\xff\xd8\xff")),
    (MediaType.PNG, re.compile(rb"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")),
)
# No longer than this is a sign of something hidden: so much of a part is kept for the next one.
_SIGN_BYTES = 24
# The end of a ZIP archive (of office files and Java programs too) and the headers of what it
# holds, by which some programs find it as well; other archives, what a browser or a server runs,
# and what a reader of PDFs does. None of them is so short that pixels or compressed text hold it
# by chance: so gzip, whose own mark is, is not among them.
_SIGNS = re.compile(
    rb"PK\x05\x06\x00\x00\x00\x00|PK\x06\x07\x00\x00\x00\x00"
    rb"|PK\x01\x02[\s\S]{2}[\x00-\x3f][\s\S]{3}[\x00-\x63]\x00"
    rb"|PK\x03\x04[\x00-\x3f][\s\S]{3}[\x00-\x63]\x00"
    rb"|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|MSCF\x00\x00\x00\x00|ustar(?:\x0000|  \x00)"
    rb"|\xfd7zXZ\x00|BZh[1-9]1AY&SY"
    rb"|(?i:<script|<\?php\s|<!doctype html)|/JavaScript|/Launch\b"
)
# A PDF may write any character of a name by its number.
_NUMBERED = re.compile(rb"#([0-9A-Fa-f]{2})")
# How far from its end a PDF says that it ends; behind that stands a line end alone.
_PDF_END = re.compile(rb"%%EOF[\r\n \t\x00]{0,16}\Z")
_PNG_END = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
_TAIL_BYTES = 64
# Segments of a JPEG that tell its height and width: every SOF but DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


class Manifest(NamedTuple):
    """What a finished file is, sealed once and for all: a part that is read has to fit it."""

    size_bytes: int
    media_type: MediaType
    sha256: bytes
    part_hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """What a file turned out to be; `finding` is what is wrong with it, empty where nothing is."""

    size_bytes: int
    sha256: bytes
    part_hashes: tuple[bytes, ...]
    finding: str


def is_part_of(manifest: Manifest, told: Told, number: int, data: bytes) -> bool:
    """Tells whether bytes are the part of a number of the file that was told and finished.

    So neither an older part of the same file nor other facts of it pass for what was handed in.
    """
    return (
        (manifest.size_bytes, manifest.media_type, manifest.sha256)
        == (told.size_bytes, told.media_type, told.sha256)
        and number <= len(manifest.part_hashes)
        and hashlib.sha256(data).digest() == manifest.part_hashes[number - 1]
    )


def sniffed(head: bytes) -> MediaType | None:
    """Returns what a file is by its first bytes, None where it is nothing that is taken."""
    for media_type, beginning in _BEGINNINGS:
        if beginning.match(head):
            return media_type
    return None


def looked_through(parts: Iterable[bytes], told: MediaType) -> Content:
    """Looks through a file part by part; no more than one part is in memory."""
    whole, hashes, size = hashlib.sha256(), [], 0
    finding, before = "", b""
    for part in parts:
        whole.update(part)
        hashes.append(hashlib.sha256(part).digest())
        if not size:
            finding = _head_finding(part, told)
        size += len(part)
        finding = finding or _sign_in(before + part, told)
        before = (before + part)[-max(_TAIL_BYTES, _SIGN_BYTES) :]
    finding = finding or _end_finding(before, told)
    return Content(size, whole.digest(), tuple(hashes), finding)


def check_head(head: bytes, told: MediaType) -> None:
    """Refuses a file as soon as its first part says what it is.

    Raises:
        RuleError: MATERIAL_TYPE_REFUSED.
    """
    check_finding(_head_finding(head, told), told)


def check_finding(finding: str, told: MediaType) -> None:
    """Refuses a file with which something is wrong. Raises RuleError MATERIAL_TYPE_REFUSED."""
    if finding:
        raise RuleError(
            Reason.MATERIAL_TYPE_REFUSED,
            f"the file was told to be {told.name}: {finding}",
            told_type=told.name,
            finding=finding,
        )


def _head_finding(head: bytes, told: MediaType) -> str:
    found = sniffed(head)
    if found is None:
        return "it begins as nothing that is taken"
    if found is not told:
        return f"it begins as {found.name}"
    if found is MediaType.PDF:
        return ""
    pixels = _png_pixels(head) if found is MediaType.PNG else _jpeg_pixels(head)
    if pixels is None or pixels == 0:
        return "it does not say how large the image is"
    return "the image is too large to be shown" if pixels > MAX_PIXELS else ""


def _sign_in(data: bytes, told: MediaType) -> str:
    found = _SIGNS.search(data)
    if found is None and told is MediaType.PDF:
        named = _NUMBERED.sub(lambda each: bytes.fromhex(each[1].decode()), data)
        found = _SIGNS.search(named)
    return "it holds an archive or a program" if found else ""


def _end_finding(tail: bytes, told: MediaType) -> str:
    # Phones write more behind the end of a JPEG, so its end says nothing.
    is_whole = {
        MediaType.PDF: bool(_PDF_END.search(tail)),
        MediaType.PNG: tail.endswith(_PNG_END),
        MediaType.JPEG: True,
    }
    return "" if is_whole[told] else "it does not end as it should"


def _png_pixels(head: bytes) -> int | None:
    if len(head) < 24:
        return None
    return int.from_bytes(head[16:20], "big") * int.from_bytes(head[20:24], "big")


def _jpeg_pixels(head: bytes) -> int | None:
    """Returns the pixels of a JPEG by its frame; None where the first part has none."""
    at = 2
    while at + 9 <= len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES:
            height = int.from_bytes(head[at + 5 : at + 7], "big")
            return height * int.from_bytes(head[at + 7 : at + 9], "big")
        at += 2 + max(2, int.from_bytes(head[at + 2 : at + 4], "big"))
    return None
