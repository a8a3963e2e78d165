"""The demo tells the level of an institution as a clerk would."""

import pytest

from yibao_cli.demo.levels import level_name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("2", "3A (hosp_lv 2)"),
        ("5", "2A (hosp_lv 5)"),
        ("12", "level 3 (hosp_lv 12)"),
        ("99", "level unknown (hosp_lv 99)"),
    ],
)
def test_a_code_is_told_with_what_it_stands_for(code: str, name: str) -> None:
    assert level_name(code) == name
