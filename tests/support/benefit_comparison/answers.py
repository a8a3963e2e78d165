"""One form for the answers of both evaluators."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# A bill can have more than one fault. The engine asks all tables before it takes a fen; the
# oracle goes from step to step.
OF_TABLES = ("FACT_MISSING", "POLICY_NO_MATCHING_ROW", "PARAMETER_NOT_IN_FORCE")
OF_STEPS = (*OF_TABLES, "LINE_OUT_OF_COVER", "GIVEN_EXCEEDS_BASE", "GIVEN_UNKNOWN")


@dataclass
class Answer:
    """What became of a bill.

    `amounts` are by name, `lines` by number and then by what is told of a line, `memory` by
    window instance and name with zeros left out; all in fen but for carries, in ppm of one.
    """

    refused: str = ""
    amounts: dict[str, int] = field(default_factory=dict)
    lines: dict[str, dict[str, int | str]] = field(default_factory=dict)
    refused_lines: list[str] = field(default_factory=list)
    purses: list[int] = field(default_factory=list)
    memory: dict[str, dict[str, int]] = field(default_factory=dict)


def differences(engine: Answer, oracle: Answer, *, named: frozenset[str]) -> list[str]:
    """Returns what differs; `named` are the amounts that the policy asks for by name.

    The engine knows a step's amounts by group only where they are asked for.
    """
    if engine.refused or oracle.refused:
        same = engine.refused == oracle.refused or (
            engine.refused in OF_TABLES and oracle.refused in OF_STEPS
        )
        return [] if same else [_told("refused", engine.refused, oracle.refused)]
    found = []
    for name, fen in engine.amounts.items():
        if (name.count(".") < 2 or name in named) and oracle.amounts.get(name) != fen:
            found.append(_told(name, fen, oracle.amounts.get(name)))
    for number in sorted({*engine.lines, *oracle.lines}):
        line = f"line {number}"
        found += _by_key(line, engine.lines.get(number, {}), oracle.lines.get(number, {}))
    if engine.refused_lines != oracle.refused_lines:
        found.append(_told("refused lines", engine.refused_lines, oracle.refused_lines))
    if engine.purses != oracle.purses:
        found.append(_told("purses", engine.purses, oracle.purses))
    for window in sorted({*engine.memory, *oracle.memory}):
        found += _by_key(window, engine.memory.get(window, {}), oracle.memory.get(window, {}))
    return found


def _by_key(what: str, engine: Mapping[str, object], oracle: Mapping[str, object]) -> list[str]:
    return [
        _told(f"{what} {key}", engine.get(key), oracle.get(key))
        for key in sorted({*engine, *oracle})
        if engine.get(key) != oracle.get(key)
    ]


def _told(what: str, engine: object, oracle: object) -> str:
    return f"{what}: engine {engine}, oracle {oracle}"
