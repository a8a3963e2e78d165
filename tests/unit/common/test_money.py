"""Amounts to the fen: every rounding on both sides of its half."""

import pytest

from yibao_common.values.money import (
    divide_half_up,
    line_amount_fen,
    parse_decimal,
    share_half_up_fen,
    yuan,
)


@pytest.mark.parametrize(
    ("unit_price", "quantity", "amount_fen"),
    [
        ("12.5", "2", 2_500),
        ("0", "3", 0),
        ("0.01", "1", 1),
        # Half a fen is 0.005 yuan: below it, on it, above it.
        ("0.004999", "1", 0),
        ("0.005", "1", 1),
        ("0.005001", "1", 1),
        ("0.014999", "1", 1),
        ("0.015", "1", 2),
        # The half comes from the product, not from either factor.
        ("0.1", "0.0499", 0),
        ("0.1", "0.05", 1),
        ("1.000001", "0.005", 1),
        ("0.999999", "0.005", 0),
        # Six decimals by four: the smallest line, and one that a float gets wrong.
        ("0.000001", "0.0001", 0),
        ("1.005", "1", 101),
        ("12.366300", "68.0000", 84_091),
        ("9999999999.999999", "0.0001", 100_000_000),
        ("1.000001", "99999999.9999", 10_000_010_000),
    ],
)
def test_a_line_is_price_times_quantity_half_up_to_the_fen(
    unit_price: str, quantity: str, amount_fen: int
) -> None:
    assert line_amount_fen(unit_price, quantity) == amount_fen


@pytest.mark.parametrize(
    ("amount_fen", "ratio_ppm", "share_fen"),
    [
        (0, 1_000_000, 0),
        (100, 0, 0),
        (100, 1_000_000, 100),
        (1, 499_999, 0),
        (1, 500_000, 1),
        (3, 499_999, 1),
        (3, 500_000, 2),
        (100_000_000_000, 850_000, 85_000_000_000),
    ],
)
def test_a_share_is_rounded_half_up(amount_fen: int, ratio_ppm: int, share_fen: int) -> None:
    assert share_half_up_fen(amount_fen, ratio_ppm=ratio_ppm) == share_fen


@pytest.mark.parametrize(("amount_fen", "ratio_ppm"), [(-1, 0), (1, -1), (1, 1_000_001)])
def test_a_share_of_what_cannot_be_is_a_broken_assumption(amount_fen: int, ratio_ppm: int) -> None:
    with pytest.raises(AssertionError):
        share_half_up_fen(amount_fen, ratio_ppm=ratio_ppm)


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [(0, 7, 0), (3, 7, 0), (4, 7, 1), (1, 2, 1), (4, 8, 1), (11, 8, 1), (12, 8, 2), (13, 8, 2)],
)
def test_a_quotient_is_rounded_half_up(numerator: int, denominator: int, quotient: int) -> None:
    assert divide_half_up(numerator, denominator) == quotient


@pytest.mark.parametrize(
    ("text", "places", "value"),
    [("1.5", 4, 15_000), ("0", 6, 0), ("007", 0, 7), ("0.000001", 6, 1), ("12", 2, 1_200)],
)
def test_a_decimal_becomes_an_integer_of_its_last_place(text: str, places: int, value: int) -> None:
    assert parse_decimal(text, places=places) == value


@pytest.mark.parametrize(
    ("amount_fen", "text"),
    [
        (0, "0.00"),
        (1, "0.01"),
        (-1, "-0.01"),
        (100, "1.00"),
        (1_234_567, "12345.67"),
        (-105, "-1.05"),
    ],
)
def test_an_amount_is_shown_in_yuan(amount_fen: int, text: str) -> None:
    assert yuan(amount_fen) == text
