"""The page about registrations draws their life as the code decides it."""

from support.contracts import ROOT

from docs.generate_reference.registration_states import WORDS, drawing
from yibao_offsite.rules.registration.states import TRANSITIONS, Event, State


def test_the_page_about_registrations_holds_the_drawing_of_the_table() -> None:
    page = ROOT / "docs" / "concepts" / "registration-elsewhere.md"
    assert f"```mermaid\n{drawing()}```" in page.read_text(encoding="utf-8"), (
        "run python -m docs.generate_reference.registration_states"
    )


def test_the_drawing_names_every_step() -> None:
    text = drawing()
    assert set(WORDS) == set(Event)
    for (before, event), after in TRANSITIONS.items():
        (line,) = (
            line for line in text.splitlines() if f"{before.name} --> {after.name} :" in line
        )
        assert WORDS[event] in line
    assert all(state.name in text for state in State)
