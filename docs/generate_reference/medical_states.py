"""The drawings of pre-evaluations and problem tickets, made of the tables that decide them.

Print them with `python -m docs.generate_reference.medical_states` and put them into
`docs/concepts/medical-history.md` and `tickets.md`; a test compares them.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import TypeVar

from yibao_offsite.rules import evaluation, ticket
from yibao_offsite.rules.recheck import OUTCOMES, RecheckState

_State = TypeVar("_State", bound=IntEnum)
_Event = TypeVar("_Event", bound=IntEnum)

_EVALUATION_WORDS = {
    evaluation.EvaluationEvent.RECORDED: "RecordPreEvaluation",
    evaluation.EvaluationEvent.RETURNED: "ReturnPreEvaluation, another operator",
    evaluation.EvaluationEvent.APPROVED: "ApprovePreEvaluation, another operator",
    evaluation.EvaluationEvent.CANCELLED: "CancelPreEvaluation",
    evaluation.EvaluationEvent.COMPARED: "RecordDischargeComparison",
    evaluation.EvaluationEvent.RECHECK_CALLED: "CallForRecheck",
    evaluation.EvaluationEvent.RECHECK_RECORDED: "RecordRecheck",
}
_TICKET_WORDS = {
    ticket.TicketEvent.ANSWERED: "AnswerTicket",
    ticket.TicketEvent.REOPENED: "ReopenTicket, who opened it",
    ticket.TicketEvent.CONFIRMED: "ConfirmTicket, who opened it",
    ticket.TicketEvent.CLOSED: "nobody confirms in time",
}


def evaluation_drawing() -> str:
    """Returns the life of a pre-evaluation as Mermaid."""
    return _drawing(evaluation.TRANSITIONS, _EVALUATION_WORDS, "OPEN : OpenPreEvaluation")


def ticket_drawing() -> str:
    """Returns the life of a problem ticket as Mermaid."""
    return _drawing(ticket.TRANSITIONS, _TICKET_WORDS, "OPEN : OpenTicket")


def recheck_drawing() -> str:
    """Returns the life of a recheck as Mermaid."""
    lines = ["stateDiagram-v2", "    [*] --> CALLED : CallForRecheck"]
    for before, outcomes in OUTCOMES.items():
        lines += [f"    {before.name} --> {after.name} : RecordRecheck" for after in outcomes]
    lines += [f"    {state.name} --> [*]" for state in RecheckState if state not in OUTCOMES]
    return "\n".join(lines) + "\n"


def _drawing(
    transitions: Mapping[tuple[_State, _Event], _State], words: Mapping[_Event, str], begins: str
) -> str:
    lines = ["stateDiagram-v2", f"    [*] --> {begins}"]
    lines += [
        f"    {before.name} --> {after.name} : {words[event]}"
        for (before, event), after in transitions.items()
    ]
    leading = {before for before, _ in transitions}
    ends = dict.fromkeys(after for after in transitions.values() if after not in leading)
    lines += [f"    {state.name} --> [*]" for state in ends]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(evaluation_drawing(), recheck_drawing(), ticket_drawing(), sep="\n", end="")
