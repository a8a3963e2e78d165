"""The frame of signed messages: every size of payload, closed and opened again."""

import pytest

from yibao._token import (
    QrError,
    bytes_to_sign,
    close_frame,
    frame_opening,
    key_id_of,
    open_frame,
    payload_head,
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
    with pytest.raises(AssertionError):
        payload_head(size)
