"""The pages about medical histories and tickets draw their lives as the code decides them."""

from collections.abc import Callable

import pytest
from support.contracts import ROOT

from docs.generate_reference.medical_states import (
    evaluation_drawing,
    recheck_drawing,
    ticket_drawing,
)
from yibao_offsite.rules import evaluation, ticket


@pytest.mark.parametrize(
    ("page", "drawing"),
    [
        ("medical-history.md", evaluation_drawing),
        ("medical-history.md", recheck_drawing),
        ("tickets.md", ticket_drawing),
    ],
)
def test_the_page_holds_the_drawing_of_the_table(page: str, drawing: Callable[[], str]) -> None:
    text = (ROOT / "docs" / "concepts" / page).read_text(encoding="utf-8")
    assert f"```mermaid\n{drawing()}```" in text, (
        "run python -m docs.generate_reference.medical_states"
    )


def test_the_drawings_have_a_line_for_every_step() -> None:
    for drawing, steps in (
        (evaluation_drawing(), evaluation.TRANSITIONS),
        (ticket_drawing(), ticket.TRANSITIONS),
    ):
        for (before, _), after in steps.items():
            assert f"    {before.name} --> {after.name} : " in drawing
