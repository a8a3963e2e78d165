"""The drawing of an audit task's life, made of the table that decides it.

Print it with `python -m docs.generate_reference.audit_states` and put it into
`docs/concepts/audits.md`; a test compares the two.
"""

from collections import defaultdict

from yibao_offsite.rules.audit_task.states import TRANSITIONS, TaskAct, TaskState


def drawing() -> str:
    """Returns the states and acts as Mermaid; acts between the same two share a line."""
    acts: dict[tuple[TaskState, TaskState], list[TaskAct]] = defaultdict(list)
    for (before, act), after in TRANSITIONS.items():
        acts[before, after].append(act)
    lines = ["stateDiagram-v2", f"    [*] --> {TaskState.OPENED.name} : {TaskAct.OPEN.name}"]
    for before in TaskState:
        for after in TaskState:
            told = sorted(acts.get((before, after), []))
            if told:
                names = ", ".join(each.name for each in told)
                lines.append(f"    {before.name} --> {after.name} : {names}")
    ends = [state for state in TaskState if not any(before is state for before, _ in acts)]
    lines += [f"    {state.name} --> [*]" for state in ends]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(drawing(), end="")
