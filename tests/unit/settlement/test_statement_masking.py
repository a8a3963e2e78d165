"""What a paper shows of a name and a number depends on the paper alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yibao_common.values.masking import Paper, name_on, number_on

NUMBER = "110105209912310021"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("王芳", "*芳"),
        ("张晓明", "*晓明"),
        ("欧阳小明", "**小明"),
        ("王", "*"),
        ("阿卜杜拉·买买提", "******买提"),
        ("", ""),
        ("*芳", "*芳"),
    ],
)
def test_a_copy_shows_the_end_of_a_name(name: str, shown: str) -> None:
    assert name_on(Paper.COPY, name) == shown
    assert name_on(Paper.SIGNED, name) == name


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (NUMBER, "110105********0021"),
        ("E12345678", "E*******8"),
        ("12", "*2"),
        ("1", "*"),
        ("", ""),
        ("110105********0021", "110105********0021"),
    ],
)
def test_a_copy_shows_the_ends_of_a_number(number: str, shown: str) -> None:
    assert number_on(Paper.COPY, number) == shown
    assert number_on(Paper.SIGNED, number) == number


@given(text=st.text(min_size=2, max_size=30))
def test_a_copy_hides_something_keeps_the_length_and_masks_once(text: str) -> None:
    for mask in (name_on, number_on):
        once = mask(Paper.COPY, text)
        assert "*" in once
        assert len(once) == len(text)
        assert mask(Paper.COPY, once) == once
