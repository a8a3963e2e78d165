"""The frame of signed messages: every size of payload, closed and opened again."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from yibao._token import (
    Frame,
    QrError,
    bytes_to_sign,
    close_frame,
    frame_opening,
    key_id_of,
    open_frame,
    open_short_frame,
    payload_head,
    signed_bytes,
)

OPENING = frame_opening(key_id_of(bytes(32)))
SIGNATURE = bytes(range(64))


def closed(size: int) -> bytes:
    return close_frame(OPENING, b"p" * size, SIGNATURE)


@pytest.mark.parametrize("size", [24, 25, 255, 256, 257, 65_535])
def test_what_was_closed_is_opened(size: int) -> None:
    frame = open_frame(closed(size), max_payload=65_535)
    assert frame.key_id == key_id_of(bytes(32))
    assert frame.payload == b"p" * size
    assert frame.signature == SIGNATURE
    assert frame.signed == bytes_to_sign(OPENING, frame.payload)


@pytest.mark.parametrize(("size", "accepted"), [(254, True), (255, True), (256, False)])
def test_a_payload_over_the_limit_is_malformed(size: int, accepted: bool) -> None:
    if accepted:
        assert len(open_frame(closed(size), max_payload=255).payload) == size
        return
    with pytest.raises(QrError) as refused:
        open_frame(closed(size), max_payload=255)
    assert refused.value.error == "malformed"


@pytest.mark.parametrize("head", ["581a", "5816", "590018", "5800", "78181818", "5a00000018"])
def test_a_head_that_is_not_the_one_of_the_payload_is_malformed(head: str) -> None:
    data = OPENING + bytes.fromhex(head) + b"p" * 24 + b"\x58\x40" + SIGNATURE
    with pytest.raises(QrError) as refused:
        open_frame(data, max_payload=65_535)
    assert refused.value.error == "malformed"


def test_every_cut_of_a_message_is_malformed() -> None:
    data = closed(24)
    for end in range(len(data)):
        with pytest.raises(QrError) as refused:
            open_frame(data[:end], max_payload=255)
        assert refused.value.error == "malformed"


@pytest.mark.parametrize("size", [23, 65_536])
def test_a_payload_outside_the_frame_is_never_signed(size: int) -> None:
    with pytest.raises(ValueError, match="from 24 to 65535 bytes"):
        payload_head(size)


def test_a_payload_too_short_for_its_head_is_malformed_to_both_readers() -> None:
    data = OPENING + b"\x58\x17" + b"p" * 23 + b"\x58\x40" + SIGNATURE
    for read in (open_short_frame, lambda data: open_frame(data, max_payload=255)):
        with pytest.raises(QrError) as refused:
            read(data)
        assert refused.value.error == "malformed"


def as_frame(data: bytes) -> Frame:
    key_id, payload, signature = open_short_frame(data)
    return Frame(key_id, payload, signature, signed_bytes(data))


def outcome(read: Callable[[], Frame]) -> Frame | str:
    try:
        return read()
    except QrError as refused:
        return refused.error


@given(
    size=st.integers(24, 260),
    cut=st.integers(0, 330),
    changes=st.dictionaries(st.integers(0, 330), st.integers(0, 255), max_size=3),
)
@example(size=24, cut=330, changes={})
@example(size=255, cut=330, changes={})
@example(size=256, cut=330, changes={})
@example(size=24, cut=330, changes={17: 0x59})
def test_both_readers_of_short_frames_say_the_same(
    size: int, cut: int, changes: dict[int, int]
) -> None:
    data = bytearray(closed(size))
    for at, value in changes.items():
        if at < len(data):
            data[at] = value
    cut_data = bytes(data[:cut])
    whole = outcome(lambda: open_frame(cut_data, max_payload=255))
    assert outcome(lambda: as_frame(cut_data)) == whole
