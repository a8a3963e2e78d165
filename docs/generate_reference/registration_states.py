"""The drawing of a registration's life, made of the table that decides it.

Print it with `python -m docs.generate_reference.registration_states` and put it into
`docs/concepts/registration-elsewhere.md`; a test compares the two.
"""

from collections import defaultdict

from yibao_offsite.rules.registration.states import BEGINNINGS, TRANSITIONS, Event, State

WORDS = {
    Event.APPLIED: "applied for, somebody decides",
    Event.GRANTED: "granted at once",
    Event.APPROVED: "approved by a second operator",
    Event.REJECTED: "refused",
    Event.RETURNED: "given back for its papers",
    Event.RESUBMITTED: "handed in again",
    Event.WITHDRAWN: "taken back",
    Event.CHECKED: "checked and right",
    Event.EXTENDED: "extended",
    Event.CHANGED: "another one takes its place",
    Event.CANCELLED: "cancelled",
    Event.ENDED: "ended by what became of the person",
    Event.REVOKED: "found to be false",
}


def drawing() -> str:
    """Returns the states and steps as Mermaid; steps between the same two share a line."""
    lines = ["stateDiagram-v2"]
    lines += [f"    [*] --> {state.name} : {WORDS[event]}" for event, state in BEGINNINGS.items()]
    events: dict[tuple[State, State], list[Event]] = defaultdict(list)
    for (before, event), after in TRANSITIONS.items():
        events[before, after].append(event)
    for before in State:
        for after in State:
            told = ", ".join(WORDS[each] for each in events.get((before, after), ()))
            if told:
                lines.append(f"    {before.name} --> {after.name} : {told}")
    ends = [state for state in State if not any(before is state for before, _ in events)]
    lines += [f"    {state.name} --> [*]" for state in ends]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(drawing(), end="")
