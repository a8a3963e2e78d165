"""The page about windows shows what the engine calculates from the policy that it shows."""

import re

from docs.generate_reference.window_drawings import PAGE, drawings

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_about_windows_holds_the_drawings_of_the_engine() -> None:
    found = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    assert found == list(drawings()), "run python -m docs.generate_reference.window_drawings"


def test_the_page_about_windows_tells_no_amount_that_is_not_drawn() -> None:
    prose = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    told = {amount.replace(",", "") for amount in re.findall(r"[0-9,]+\.[0-9]{2}", prose)}
    drawn = set(re.findall(r"[0-9]+\.[0-9]{2}", "".join(drawings())))
    assert told
    assert told <= drawn
