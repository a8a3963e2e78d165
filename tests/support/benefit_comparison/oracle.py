"""The second evaluator, asked for answers."""

import functools
from typing import Any

import yaml
from support.benefit_cases.cases import Case
from support.benefit_oracle.amounts import PPM
from support.benefit_oracle.classify import LineResult
from support.benefit_oracle.history import History
from support.benefit_oracle.memory import Memory
from support.benefit_oracle.refusals import Refused
from support.benefit_oracle.windows import Instance

from .answers import Answer

# Only what a window remembers for a deductible's own use, and each evaluator in its way.
OWN_NOTES = (".amount",)


def answers(case: Case) -> list[Answer]:
    """Settles the bills of a case in order."""
    history = History(policy(case.policy_text), case.bills.get("purses"))
    return [_answer(history, bill) for bill in case.bills["bills"]]


@functools.lru_cache(4)
def policy(text: str) -> dict[str, Any]:
    """Returns a policy as its file reads."""
    read: dict[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return read


def _answer(history: History, bill: dict[str, Any]) -> Answer:
    try:
        settled = history.settle(bill)
    except Refused as refused:
        return Answer(refused=refused.reason)
    return Answer(
        amounts={_spelled(name): fen for name, fen in settled.amounts.items()},
        lines={str(line.index): _line(line, history) for line in settled.lines},
        refused_lines=[str(index) for index in settled.refused_lines],
        purses=list(history.memory.purses.values()),
        memory=_memory(history.memory),
    )


def _line(line: LineResult, history: History) -> dict[str, int | str]:
    account = line.paid_by(history.roles.accounts)
    payers = line.paid_by(history.roles.payers)
    return {
        "group": line.group,
        **{_spelled(part): fen for part, fen in line.parts.items()},
        **{step: fen for step, fen in line.paid.items() if fen},
        "fund": payers,
        "account": account,
        "cash": line.fen - payers - account,
        "deductible": line.deductible,
    }


def _memory(memory: Memory) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for instance, names in memory.windows.items():
        for name, value in names.items():
            if value and not name.endswith(OWN_NOTES):
                fen = int(value * PPM) if name.endswith(".carry") else value
                found.setdefault(_key(instance), {})[_spelled(name)] = fen
    for (count, instance), numbers in memory.counted.items():
        found.setdefault(_key(instance), {})[f"count.{count}"] = len(numbers)
    return found


def _key(instance: Instance) -> str:
    """Returns a window instance as the engine writes it."""
    window, *rest = instance
    where = [part for part in rest if not isinstance(part, tuple)]
    per = "".join(f"|{fact}={code}" for fact, code in rest[len(where) :])
    if window == "month":
        where = [f"{where[0]}-{where[1]:02}"]
    return ":".join([window, *map(str, where)]) + per


@functools.lru_cache(4096)
def _spelled(name: str) -> str:
    """Returns a name with the engine's word for the part that is paid first."""
    return ".".join("first_self_pay" if each == "prepay" else each for each in name.split("."))
