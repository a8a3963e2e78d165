"""What a file is by its bytes, and what hides in it."""

import bz2
import io
import lzma
import tarfile
import zipfile

import pytest
from support.papers import archive, jpeg, parts_of, pdf, png, sha256

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.material.content import (
    MAX_PIXELS,
    Manifest,
    check_head,
    is_part_of,
    looked_through,
)
from yibao_offsite.rules.material.material import MediaType, Told
from yibao_offsite.rules.material.parts import PART_BYTES, check_part, missing, part_count

PDF, JPEG, PNG = MediaType.PDF, MediaType.JPEG, MediaType.PNG
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (pdf(), PDF),
        (pdf(3 * PART_BYTES + 1), PDF),
        (pdf() + b"\r\n", PDF),
        (png(), PNG),
        (png(10_000, MAX_PIXELS // 10_000), PNG),
        (jpeg(), JPEG),
        (jpeg() + b"what a phone writes behind its photos", JPEG),
    ],
)
def test_what_counters_show_is_taken(data: bytes, told: MediaType) -> None:
    content = looked_through(parts_of(data), told)
    assert content.finding == ""
    assert (content.size_bytes, content.sha256) == (len(data), sha256(data))
    assert content.part_hashes == tuple(map(sha256, parts_of(data)))


@pytest.mark.parametrize(
    ("data", "told", "finding"),
    [
        (archive(), PDF, "it begins as nothing that is taken"),
        (OLD_OFFICE, PDF, "it begins as nothing that is taken"),
        (HEIC, JPEG, "it begins as nothing that is taken"),
        (b"<!DOCTYPE html><html>", PDF, "it begins as nothing that is taken"),
        (b"<svg xmlns='x'/>", PNG, "it begins as nothing that is taken"),
        (b"#!/bin/sh\n", PDF, "it begins as nothing that is taken"),
        (b"MZ\x90\x00", PDF, "it begins as nothing that is taken"),
        (b" " + pdf(), PDF, "it begins as nothing that is taken"),
        (png(), JPEG, "it begins as PNG"),
        (pdf(), PNG, "it begins as PDF"),
        # Two things at once: whoever opens it does not know which.
        (pdf() + archive(), PDF, "it holds an archive or a program"),
        (pdf()[:-7] + archive() + b"\n%%EOF\n", PDF, "it holds an archive or a program"),
        (jpeg() + archive(), JPEG, "it holds an archive or a program"),
        (jpeg() + b"Rar!\x1a\x07\x00", JPEG, "it holds an archive or a program"),
        (png()[:-12] + b"<SCRIPT>" + png()[-12:], PNG, "it holds an archive or a program"),
        (
            pdf().replace(b"<<>>endobj", b"<</S/JavaScript>>"),
            PDF,
            "it holds an archive or a program",
        ),
        (pdf() + b"more", PDF, "it does not end as it should"),
        (png()[:-1], PNG, "it does not end as it should"),
        (png(10_001, MAX_PIXELS // 10_000), PNG, "the image is too large to be shown"),
        (jpeg(65_000, 65_000), JPEG, "the image is too large to be shown"),
        (png(0, 5), PNG, "it does not say how large the image is"),
        (b"\xff\xd8\xff\xd9", JPEG, "it does not say how large the image is"),
        (b"\xff\xd8\xff\xff" * 300, JPEG, "it does not say how large the image is"),
    ],
)
def test_everything_else_is_found(data: bytes, told: MediaType, finding: str) -> None:
    assert looked_through(parts_of(data), told).finding == finding


@pytest.mark.parametrize("back", range(1, 9))
def test_what_hides_across_two_parts_is_found(back: int) -> None:
    sign = b"PK\x05\x06\x00\x00\x00\x00"
    head = pdf()[:30]
    data = head + b"%" * (PART_BYTES - len(head) - back) + sign + b"%" * 100 + b"\n%%EOF\n"
    assert len(parts_of(data)) == 2
    assert looked_through(parts_of(data), PDF).finding == "it holds an archive or a program"


def test_the_first_part_already_tells_another_type() -> None:
    with pytest.raises(RuleError) as refused:
        check_head(archive(), PDF)
    assert refused.value.reason is Reason.MATERIAL_TYPE_REFUSED
    check_head(jpeg(), JPEG)


@pytest.mark.parametrize(
    ("size", "number", "length", "expected"),
    [
        (1, 1, 1, None),
        (PART_BYTES, 1, PART_BYTES, None),
        (PART_BYTES + 1, 1, PART_BYTES, None),
        (PART_BYTES + 1, 2, 1, None),
        (PART_BYTES, 1, PART_BYTES - 1, PART_BYTES),
        (PART_BYTES + 1, 2, 2, 1),
        # More parts than were told.
        (PART_BYTES, 2, 1, 0),
        (1, 2_000_000_000, 1, 0),
    ],
)
def test_a_file_has_the_parts_that_its_length_says(
    size: int, number: int, length: int, expected: int | None
) -> None:
    if expected is None:
        check_part(number, bytes(length), size_bytes=size)
        return
    with pytest.raises(RuleError) as refused:
        check_part(number, bytes(length), size_bytes=size)
    assert refused.value.reason is Reason.MATERIAL_PART_WRONG
    assert refused.value.metadata["expected_bytes"] == str(expected)


def test_missing_parts_are_counted_from_one() -> None:
    assert part_count(PART_BYTES * 2) == 2
    assert missing(PART_BYTES * 2 + 1, {2}) == [1, 3]


def test_a_part_fits_the_file_that_was_told_and_finished() -> None:
    told = Told(3, PDF, b"f" * 32)
    manifest = Manifest(3, PDF, b"f" * 32, (sha256(b"abc"),))
    assert is_part_of(manifest, told, 1, b"abc")
    assert not is_part_of(manifest, told, 1, b"abd")
    assert not is_part_of(manifest, told, 2, b"abc")
    for other in (Told(4, PDF, b"f" * 32), Told(3, PNG, b"f" * 32), Told(3, PDF, b"")):
        assert not is_part_of(manifest, other, 1, b"abc")


def _split_archive() -> bytes:
    """Returns a ZIP archive that says of a disk that it is not the first: programs open it."""
    whole = bytearray(archive())
    at = whole.rindex(b"PK\x05\x06")
    whole[at + 4 : at + 8] = b"\x01\x00\x01\x00"
    assert zipfile.ZipFile(io.BytesIO(bytes(whole))).namelist()
    return bytes(whole)


def _tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as written:
        written.addfile(tarfile.TarInfo("a.exe"))
    return packed.getvalue()


@pytest.mark.parametrize(
    "hidden", [_split_archive(), _tar(), lzma.compress(b"MZ" * 99), bz2.compress(b"MZ" * 99)]
)
def test_an_archive_behind_a_photo_is_found_however_it_is_written(hidden: bytes) -> None:
    found = looked_through([jpeg() + hidden], MediaType.JPEG)
    assert found.finding == "it holds an archive or a program"


@pytest.mark.parametrize(
    "name", [b"/J#61vaScript", b"/#4A#61#76#61#53#63#72#69#70#74", b"/L#61unch "]
)
def test_a_name_that_is_written_in_another_way_is_the_same_name(name: bytes) -> None:
    action = b"1 0 obj<</S" + name + b"/JS(app.alert(1))>>endobj\n%%EOF"
    data = pdf().replace(b"%%EOF", action)
    for cut in range(len(data) - 80, len(data)):
        found = looked_through([data[:cut], data[cut:]], MediaType.PDF)
        assert found.finding == "it holds an archive or a program"
