"""The page about audits draws the life of a task as the code decides it."""

from support.contracts import ROOT

from docs.generate_reference.audit_states import drawing
from yibao_offsite.rules.audit_task.states import TRANSITIONS, TaskState


def test_the_page_about_audits_holds_the_drawing_of_the_table() -> None:
    page = (ROOT / "docs" / "concepts" / "audits.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{drawing()}```" in page, (
        "run python -m docs.generate_reference.audit_states"
    )


def test_the_drawing_of_audits_names_every_step() -> None:
    text = drawing()
    for (before, act), after in TRANSITIONS.items():
        (line,) = (
            line for line in text.splitlines() if f"{before.name} --> {after.name} :" in line
        )
        assert act.name in line
    assert all(state.name in text for state in TaskState)
