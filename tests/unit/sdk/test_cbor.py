"""Deterministic CBOR: heads at every width, limits, and agreement with another library."""

from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yibao._cbor import MAX_DEPTH, MAX_ENTRIES, CborError, decode, encode

INTEGERS = st.integers(-(2**64), 2**64 - 1)
KEYS = INTEGERS | st.text(max_size=8)
LEAVES = INTEGERS | st.binary(max_size=40) | st.text(max_size=40)


def containers(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(items, max_size=5) | st.dictionaries(KEYS, items, max_size=5)


VALUES = LEAVES | containers(LEAVES | containers(LEAVES | containers(LEAVES)))


@given(VALUES)
def test_every_value_survives_the_round_trip(value: Any) -> None:
    assert decode(encode(value)) == value


@given(VALUES)
def test_another_library_reads_the_same_value(value: Any) -> None:
    assert cbor2.loads(encode(value)) == value


@settings(max_examples=500)
@given(st.binary(max_size=40))
def test_bytes_that_are_accepted_are_the_only_ones_of_their_value(data: bytes) -> None:
    try:
        value = decode(data)
    except CborError:
        return
    assert encode(value) == data
    assert cbor2.loads(data) == value


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (65_535, "19ffff"),
        (65_536, "1a00010000"),
        (2**32 - 1, "1affffffff"),
        (2**32, "1b0000000100000000"),
        (2**64 - 1, "1bffffffffffffffff"),
        (-1, "20"),
        (-24, "37"),
        (-25, "3818"),
        (-(2**64), "3bffffffffffffffff"),
        (b"", "40"),
        (b"a" * 24, "5818" + "61" * 24),
        ("", "60"),
        ("统筹区", "69e7bb9fe7adb9e58cba"),
        ([1, [2, 3]], "8201820203"),
        ({10: 1, -1: 2, 100: 3, "a": 4}, "a40a011864032002616104"),
    ],
)
def test_the_encoding_is_the_shortest_with_keys_in_bytewise_order(value: Any, encoded: str) -> None:
    assert encode(value).hex() == encoded
    assert decode(bytes.fromhex(encoded)) == value


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        ("", "too early"),
        ("18", "too early"),
        ("1900", "too early"),
        ("42ff", "too early"),
        ("81", "too early"),
        ("a101", "too early"),
        ("0000", "after the end"),
        ("1817", "longer than needed"),
        ("1900ff", "longer than needed"),
        ("1a0000ffff", "longer than needed"),
        ("1b00000000ffffffff", "longer than needed"),
        ("3817", "longer than needed"),
        ("580161", "longer than needed"),
        ("780161", "longer than needed"),
        ("980100", "longer than needed"),
        ("b8010000", "longer than needed"),
        ("1c", "indefinite or reserved"),
        ("1f", "indefinite or reserved"),
        ("5f4100ff", "indefinite or reserved"),
        ("9fff", "indefinite or reserved"),
        ("bfff", "indefinite or reserved"),
        ("a201000100", "repeated or out of order"),
        ("a202000100", "repeated or out of order"),
        ("a220000100", "repeated or out of order"),
        ("a14000", "neither an integer nor text"),
        ("a18000", "neither an integer nor text"),
        ("a1a000", "neither an integer nor text"),
        ("61ff", "UTF-8"),
        ("63eda080", "UTF-8"),
        ("62c080", "UTF-8"),
        ("c000", "tag, float or simple"),
        ("d81800", "tag, float or simple"),
        ("e0", "tag, float or simple"),
        ("f4", "tag, float or simple"),
        ("f6", "tag, float or simple"),
        ("f93c00", "tag, float or simple"),
        ("fb" + "40" * 8, "tag, float or simple"),
        ("5bffffffffffffffff00", "too early"),
        ("9bffffffffffffffff00", "too many"),
        ("bbffffffffffffffff00", "too many"),
    ],
)
def test_anything_else_is_refused(encoded: str, message: str) -> None:
    with pytest.raises(CborError, match=message):
        decode(bytes.fromhex(encoded))


@pytest.mark.parametrize("opening", [b"\x81", b"\xa1\x00"])
def test_depth_is_limited(opening: bytes) -> None:
    decode(opening * MAX_DEPTH + b"\x00")
    with pytest.raises(CborError, match="too deeply"):
        decode(opening * (MAX_DEPTH + 1) + b"\x00")
    with pytest.raises(CborError, match="too deeply"):
        decode(opening * 10_000)
    decode(b"\x00", max_depth=0)


def test_entries_are_limited() -> None:
    for most in (MAX_ENTRIES, 20):
        decode(encode([0] * most), max_entries=most)
        decode(encode({key: 0 for key in range(most)}), max_entries=most)
        with pytest.raises(CborError, match="too many"):
            decode(encode([0] * (most + 1)), max_entries=most)
        with pytest.raises(CborError, match="too many"):
            decode(encode({key: 0 for key in range(most + 1)}), max_entries=most)


@pytest.mark.parametrize("value", [2**64, -(2**64) - 1])
def test_an_integer_over_64_bits_is_not_encoded(value: int) -> None:
    with pytest.raises(CborError, match="64 bits"):
        encode(value)
