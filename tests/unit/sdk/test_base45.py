"""Base45: the examples of RFC 9285, round trips, and one text for each value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yibao._base45 import ALPHABET, MAX_TEXT_CHARACTERS, Base45Error, decode, encode

EXAMPLES = [
    (b"", ""),
    (b"AB", "BB8"),
    (b"Hello!!", "%69 VD92EX0"),
    (b"base-45", "UJCLQE7W581"),
    (b"ietf!", "QED8WEX0"),
    (b"\x00", "00"),
    (b"\xff", "U5"),
    (b"\xff\xff", "FGW"),
    (b"\x00\x00\x00\x00", "000000"),
]


@pytest.mark.parametrize(("data", "text"), EXAMPLES)
def test_examples_are_encoded_and_decoded(data: bytes, text: str) -> None:
    assert encode(data) == text
    assert decode(text) == data


@given(st.binary(max_size=MAX_TEXT_CHARACTERS * 2 // 3))
def test_every_value_survives_the_round_trip(data: bytes) -> None:
    assert decode(encode(data)) == data


@given(st.text(alphabet=ALPHABET, max_size=60))
def test_a_text_that_is_accepted_is_the_only_one_of_its_value(text: str) -> None:
    try:
        data = decode(text)
    except Base45Error:
        return
    assert encode(data) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "left over"),
        ("0000", "left over"),
        ("GGW", "exceed two bytes"),  # 65536
        (":::", "exceed two bytes"),  # 91124
        ("000GGW000", "exceed two bytes"),
        ("V5", "exceed a byte"),  # 256
        ("::", "exceed a byte"),
        ("BB8\n", "outside"),
        ("bb8", "outside"),
        ("B,8", "outside"),
        ("B\x008", "outside"),
        ("B\u00ff8", "outside"),
        ("\uff22B8", "outside"),
        ("B\ud8008", "outside"),
        ("0" * (MAX_TEXT_CHARACTERS + 1), "too long"),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(Base45Error, match=message):
        decode(text)


def test_the_longest_text_is_decoded() -> None:
    assert decode("FGW" * (MAX_TEXT_CHARACTERS // 3)) == b"\xff" * (MAX_TEXT_CHARACTERS // 3 * 2)
