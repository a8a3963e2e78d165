"""The fast readers of codes accept exactly what the strict decoder does, and say the same."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.presentation_minting import (
    CHALLENGE,
    LIST_URI,
    certificate_claims,
    outer,
    showing,
    status,
)
from support.token_minting import AUDIENCE, NOW_SECOND, SUBJECT, Message, key_id, payload

from yibao import _cbor, _code, _device, _presentation
from yibao._claims import Claims
from yibao._token import QrError, close_frame, frame_opening, open_short_frame

KEY_ID = bytes(range(8))
MALFORMED = "malformed"
T = TypeVar("T")

# What a payload may be changed into without another length.
CHANGES = st.dictionaries(st.integers(0, 80), st.integers(0, 255), max_size=3)
SECONDS = st.one_of(
    st.integers(NOW_SECOND - 70, NOW_SECOND + 70),
    st.sampled_from([0, 23, 255, 65_535, 65_536, 65_537, 2**32 - 1, 2**32, 2**63]),
)
AUDIENCES = st.text(st.characters(codec="utf-8"), max_size=30)


def outcome(read: Callable[[], T]) -> T | str:
    try:
        return read()
    except QrError as refused:
        return refused.error


def closed(content: bytes) -> bytes:
    return close_frame(frame_opening(KEY_ID), content, bytes(64))


def changed(content: bytes, changes: dict[int, int]) -> bytes:
    result = bytearray(content)
    for at, value in changes.items():
        if at < len(result):
            result[at] = value
    return bytes(result)


def check_code(content: bytes) -> bool:
    """Checks that both readers say the same; returns whether the fast one had a say."""
    if not 24 <= len(content) <= 255:
        return False
    data = closed(content)
    usual = _code.open_usual(data)
    if usual is None:
        return False
    kid, opened, signature = open_short_frame(data)
    assert (usual[0], usual[-1]) == (kid, signature)
    fast = outcome(lambda: _code.usual_claims(usual))
    strict = outcome(lambda: _code.read_claims(opened, kid))
    assert fast == strict
    assert isinstance(fast, Claims) or fast == MALFORMED
    return True


@given(
    iss=st.text(st.characters(codec="utf-8"), min_size=5, max_size=7),
    sub=st.text(st.characters(codec="utf-8"), min_size=12, max_size=14),
    aud=AUDIENCES,
    iat=SECONDS,
    exp=SECONDS,
    cti=st.binary(min_size=7, max_size=9),
    changes=CHANGES,
)
@example("330100", SUBJECT, AUDIENCE, NOW_SECOND, NOW_SECOND + 60, KEY_ID, {})
@example("330100", SUBJECT, "9" * 23, NOW_SECOND, NOW_SECOND + 60, KEY_ID, {})
@example("330100", SUBJECT, "9" * 24, NOW_SECOND, NOW_SECOND + 60, KEY_ID, {})
@example("330100", SUBJECT, "", NOW_SECOND, NOW_SECOND + 60, KEY_ID, {})
# iat is 65 535 in four bytes
@example("330100", SUBJECT, AUDIENCE, 65_536, 65_537, KEY_ID, {40: 0, 41: 0xFF, 42: 0xFF})
@example("3301é", SUBJECT, AUDIENCE, NOW_SECOND, NOW_SECOND + 60, KEY_ID, {})
@example("330100", "é" + SUBJECT[2:], AUDIENCE, NOW_SECOND, NOW_SECOND + 60, KEY_ID, {})
def test_of_any_claims_both_readers_of_mode_a_say_the_same(
    iss: str, sub: str, aud: str, iat: int, exp: int, cti: bytes, changes: dict[int, int]
) -> None:
    content = payload(iss=iss, sub=sub, aud=aud, iat=iat, exp=exp, cti=cti)
    check_code(changed(content, changes))


@given(CHANGES)
@example({3: 0xFF})  # iss is not UTF-8
@example({12: 0xC3, 13: 0xA9})  # sub of 12 characters in 13 bytes
@example({33: 0, 34: 0})  # exp is longer than needed
@example({39: 0, 40: 0})  # iat is longer than needed
@example({40: 0})
@example({36: 0})
def test_of_a_changed_payload_both_readers_of_mode_a_say_the_same(changes: dict[int, int]) -> None:
    check_code(changed(payload(), changes))


@pytest.mark.parametrize("size", range(25))
def test_every_code_of_the_identity_service_is_of_the_usual_layout(size: int) -> None:
    content = payload(aud="9" * size)
    assert check_code(content) == (size <= 23)


def test_no_byte_of_the_frame_is_left_uncompared() -> None:
    data = Message(payload()).encode()
    values = set(range(8, 16)) | set(range(len(data) - 64, len(data)))
    at = 19
    for fixed, free in ((3, 6), (2, 13), (2, 5), (2, 4), (2, 4), (2, 8)):
        values |= set(range(at + fixed, at + fixed + free))
        at += fixed + free
    for at in range(len(data)):
        is_usual = _code.open_usual(changed(data, {at: data[at] ^ 1})) is not None
        assert is_usual == (at in values), at
    assert data[8:16] == key_id("active")


def check_presentation(content: bytes) -> bool:
    """Checks mode B as `check_code` does mode A."""
    end = b"\xa0\x58" + bytes((len(content),)) + content + b"\x58\x40" + bytes(64)
    usual = _presentation.open_usual_end(end, _presentation.USUAL_ENDS)
    behind = _presentation.open_usual_end(b"\x26" + end, _presentation.USUAL_ENDS_WITH_LAST_BYTE)
    assert usual == behind
    if usual is None:
        return False
    fast = outcome(lambda: _presentation.usual_claims(usual))
    assert fast == outcome(lambda: _presentation.read_claims(content))
    return True


@given(
    aud=AUDIENCES, iat=SECONDS, exp=SECONDS, cti=st.binary(min_size=7, max_size=9), changes=CHANGES
)
@example(AUDIENCE, NOW_SECOND, NOW_SECOND + 60, KEY_ID, {})
@example("é", NOW_SECOND, NOW_SECOND + 60, KEY_ID, {})
@example(AUDIENCE, 65_535, 65_536, KEY_ID, {})
@example(AUDIENCE, 65_536, 65_537, KEY_ID, {17: 0, 18: 0xFF, 19: 0xFF})
def test_of_any_claims_both_readers_of_mode_b_say_the_same(
    aud: str, iat: int, exp: int, cti: bytes, changes: dict[int, int]
) -> None:
    check_presentation(changed(outer(aud=aud, iat=iat, exp=exp, cti=cti), changes))


@given(CHANGES)
@example({3: 0xFF})  # aud is not UTF-8
@example({10: 0, 11: 0})  # exp is longer than needed
@example({16: 0, 17: 0})  # iat is longer than needed
def test_of_a_changed_payload_both_readers_of_mode_b_say_the_same(changes: dict[int, int]) -> None:
    check_presentation(changed(outer(), changes))


@pytest.mark.parametrize("size", range(25))
def test_what_phones_write_is_of_the_usual_layout(size: int) -> None:
    assert check_presentation(outer(aud="9" * size)) == (size <= 23)
    assert not check_presentation(outer(aud="9" * size, cnonce=CHALLENGE))


def test_no_fixed_byte_of_what_follows_a_header_is_left_uncompared() -> None:
    data, layouts = showing().encode(), _presentation.USUAL_ENDS
    end = data[4 + data[3] :]
    assert _presentation.open_usual_end(end, layouts) is not None
    behind = _presentation.USUAL_ENDS_WITH_LAST_BYTE
    assert _presentation.open_usual_end(b"\x26" + end, behind) is not None
    assert _presentation.open_usual_end(b"\x27" + end, behind) is None
    for at in (0, 1, 2, 3, 4, 5, *range(11, 13), *range(17, 19), *range(23, 25), 33, 34):
        flipped = changed(end, {at: end[at] ^ 1})
        assert _presentation.open_usual_end(flipped, layouts) is None, at


def check_certificate(content: bytes) -> None:
    fast = outcome(lambda: _device.decode_device_certificate(content))
    assert fast == outcome(lambda: _device.read_certificate(content))
    assert isinstance(fast, _device.DeviceCertificate) or fast == MALFORMED


def certificate_payload(**claims: _cbor.Value) -> bytes:
    return _cbor.encode(certificate_claims(**claims))


@given(
    iss=st.sampled_from(["330100", "330200", "33010", "3301é", "é0100"]),
    sub=st.text(st.characters(codec="utf-8"), min_size=12, max_size=14),
    iat=SECONDS,
    life=st.sampled_from([-1, 0, 1, 60, 259_200, 259_201]),
    index=st.sampled_from([0, 255, 65_535, 65_536, 2**20 - 1, 2**20, 2**32 - 1, 2**32]),
    uri=st.sampled_from([LIST_URI, "mi:sl/330100/10", "mi:sl/330100/123456789", "mi:sl/1/1", ""]),
    changes=st.dictionaries(st.integers(0, 140), st.integers(0, 255), max_size=2),
)
@example("330100", SUBJECT, NOW_SECOND, 60, 65_536, LIST_URI, {})
@example("330100", SUBJECT, NOW_SECOND, 60, 65_535, LIST_URI, {})
@example("330100", SUBJECT, NOW_SECOND, 60, 2**20, LIST_URI, {})
@example("330200", SUBJECT, NOW_SECOND, 60, 65_536, LIST_URI, {})
@example("330100", "é" + SUBJECT[2:], NOW_SECOND, 60, 65_536, LIST_URI, {})
@example("330100", SUBJECT, NOW_SECOND, 60, 65_536, LIST_URI, {3: 0xFF})
@example("330100", SUBJECT, NOW_SECOND, 60, 65_536, LIST_URI, {113: 0, 114: 0})
@example("330100", SUBJECT, 65_536, 60, 65_536, LIST_URI, {32: 0, 33: 0})
def test_of_any_certificate_both_readers_say_the_same(
    iss: str, sub: str, iat: int, life: int, index: int, uri: str, changes: dict[int, int]
) -> None:
    content = certificate_payload(
        iss=iss, sub=sub, iat=iat, exp=iat + life, status=status(index, uri)
    )
    check_certificate(changed(content, changes))


@pytest.mark.parametrize("at", range(134))
def test_of_a_certificate_with_a_changed_byte_both_readers_say_the_same(at: int) -> None:
    content = certificate_payload(status=status(70_000))
    assert len(content) == 134
    for change in (1, 0x20, 0x80, 0xFF):
        check_certificate(changed(content, {at: content[at] ^ change}))
