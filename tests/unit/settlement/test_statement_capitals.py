"""Amounts in capitals say the amount, in the one way that the rules for bills allow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.statement.capitals import in_capitals

DIGITS = "零壹贰叁肆伍陆柒捌玖"
UNITS = {"拾": 10, "佰": 100, "仟": 1000}
amounts = st.one_of(
    st.integers(min_value=0, max_value=10**14 - 1),
    # Amounts full of zeros, where the rules are.
    st.builds(
        lambda digits, places: sum(d * 10**p for d, p in zip(digits, places, strict=False)),
        st.lists(st.integers(0, 9), max_size=4),
        st.lists(st.integers(0, 13), max_size=4, unique=True),
    ),
)


def number_in(text: str) -> int:
    """Reads a whole number in capitals."""
    for name, size in (("亿", 10**8), ("万", 10**4)):
        head, found, rest = text.rpartition(name)
        if found:
            return number_in(head) * size + number_in(rest)
    number, digit = 0, 0
    for each in text:
        if each in UNITS:
            number, digit = number + digit * UNITS[each], 0
        else:
            digit = DIGITS.index(each)
    return number + digit


def fen_in(text: str) -> int:
    """Reads an amount in capitals, by a way of its own."""
    text = text.removesuffix("整")
    whole, _, rest = text.rpartition("元")
    found = re.fullmatch("(?:(.)角)?零?(?:(.)分)?", rest)
    assert found is not None, text
    jiao, fen = (DIGITS.index(each) if each else 0 for each in found.groups())
    return number_in(whole) * 100 + jiao * 10 + fen


@pytest.mark.parametrize(
    ("amount_fen", "capitals"),
    [
        (0, "零元整"),
        (4, "肆分"),
        (42, "肆角贰分"),
        (40, "肆角整"),
        (100, "壹元整"),
        (101, "壹元零壹分"),
        (32_504, "叁佰贰拾伍元零肆分"),
        (99_354, "玖佰玖拾叁元伍角肆分"),
        (1_050, "壹拾元伍角整"),
        (140_950, "壹仟肆佰零玖元伍角整"),
        (600_714, "陆仟零柒元壹角肆分"),
        (10_700_053, "壹拾万柒仟元伍角叁分"),
        (1_000_500_00, "壹佰万零伍佰元整"),
        (100_005_000_00, "壹亿零伍仟元整"),
        (1_000_000_000_00, "壹拾亿元整"),
        (1_234_500_000_000, "壹佰贰拾叁亿肆仟伍佰万元整"),
        (-60_000, "负陆佰元整"),
    ],
)
def test_an_amount_is_written_as_the_rules_have_it(amount_fen: int, capitals: str) -> None:
    assert in_capitals(amount_fen) == capitals


@given(amount_fen=amounts)
def test_what_is_written_reads_as_the_amount(amount_fen: int) -> None:
    assert fen_in(in_capitals(amount_fen)) == amount_fen


@given(amount_fen=amounts)
def test_the_form_is_that_of_the_rules(amount_fen: int) -> None:
    text = in_capitals(amount_fen)
    assert set(text) <= set(DIGITS) | set("拾佰仟万亿元角分整")
    assert "零零" not in text
    # Closed against additions, and never behind fen.
    assert text.endswith(("整", "分"))
    assert "分整" not in text
    assert not text.startswith("零") or amount_fen == 0
    if amount_fen >= 100 and amount_fen % 100 in range(1, 10):
        assert "元零" in text


def test_a_trillion_yuan_is_no_amount_of_a_bill() -> None:
    assert in_capitals(10**14 - 1).endswith("玖分")
    with pytest.raises(InvariantError):
        in_capitals(10**14)
