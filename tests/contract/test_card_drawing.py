"""The page about cards draws the life of a card as the code decides it."""

from support.contracts import ROOT

from docs.generate_reference.card_states import drawing
from yibao_identity.rules.card import TRANSITIONS, CardState


def test_the_page_about_cards_holds_the_drawing_of_the_table() -> None:
    page = (ROOT / "docs" / "concepts" / "cards.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{drawing()}```" in page, (
        "run python -m docs.generate_reference.card_states"
    )


def test_the_drawing_names_every_step() -> None:
    text = drawing()
    for (before, event), after in TRANSITIONS.items():
        (line,) = (
            line for line in text.splitlines() if f"{before.name} --> {after.name} :" in line
        )
        assert event.value in line
    assert all(state.name in text for state in CardState)
