"""The drawing of a card's life, made of the table that decides it.

Print it with `python -m docs.generate_reference.card_states` and put it into
`docs/concepts/cards.md`; a test compares the two.
"""

from collections import defaultdict

from yibao_identity.rules.card import TRANSITIONS, CardEvent, CardState


def drawing() -> str:
    """Returns the states and steps as Mermaid; events between the same two share a line."""
    events: dict[tuple[CardState, CardState], list[CardEvent]] = defaultdict(list)
    for (before, event), after in TRANSITIONS.items():
        events[before, after].append(event)
    lines = ["stateDiagram-v2", "    [*] --> ISSUED : issued, or collected as a replacement"]
    for before in CardState:
        for after in CardState:
            told = events.get((before, after))
            if told:
                order = list(CardEvent)
                names = ", ".join(each.value for each in sorted(told, key=order.index))
                lines.append(f"    {before.name} --> {after.name} : {names}")
    ends = [state for state in CardState if not any(before is state for before, _ in events)]
    lines += [f"    {state.name} --> [*]" for state in ends]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(drawing(), end="")
