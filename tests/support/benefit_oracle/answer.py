"""What is told of a settled leg: sums, and figures by line group."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .classify import LineResult, spread
from .lots import Split, total


@dataclass
class Settled:
    """The answer to one bill: amounts by name, lines, and which lines were refused."""

    amounts: dict[str, int] = field(default_factory=dict)
    lines: list[LineResult] = field(default_factory=list)
    refused_lines: list[int] = field(default_factory=list)
    legs: int = 0

    def add(self, amounts: Mapping[str, int], lines: Iterable[LineResult]) -> None:
        """Adds a leg."""
        self.legs += 1
        for name, fen in amounts.items():
            self.amounts[name] = self.amounts.get(name, 0) + fen
        self.lines = sorted([*self.lines, *lines], key=lambda line: line.index)


@dataclass
class Roles:
    """The ids of steps by what their payments are to the insured person."""

    payers: list[str]
    accounts: list[str]
    deductibles: list[str]
    first_shares: list[str]


def roles(steps: Iterable[tuple[str, Mapping[str, Any]]]) -> Roles:
    """Sorts the steps of a policy."""
    found = Roles([], [], [], [])
    for kind, step in steps:
        if kind in ("tiers", "given"):
            found.payers.append(step["id"])
        elif kind == "account":
            found.accounts.append(step["id"])
        elif kind == "deductible":
            told = found.first_shares if step.get("as") == "prepay" else found.deductibles
            told.append(step["id"])
    return found


def told(split: Split, lines: list[LineResult], by: Roles) -> dict[str, int]:
    """Returns all amounts of a leg, and spreads payments over its `lines`."""
    tags = {f"{name}.paid" for name in by.deductibles}
    spread(lines, split.takes, [lot for lot in split.lots if lot.fen and lot.tags & tags])
    amounts = dict(split.amounts)

    def paid(steps: list[str]) -> int:
        return sum(amounts[f"{step}.paid"] for step in steps)

    amounts["fund_total"] = paid(by.payers)
    amounts["account"] = paid(by.accounts)
    amounts["cash"] = total(split.lots)
    amounts["personal"] = amounts["cash"] + amounts["account"]
    amounts["deductible"] = paid(by.deductibles)
    amounts["first_share"] = amounts["prepay"] + paid(by.first_shares)
    amounts["arrears"] = sum(fen for name, fen in amounts.items() if name.endswith(".arrears"))
    for group in split.groups:
        some = [line for line in lines if line.group == group]
        amounts[f"fund.{group}"] = sum(line.paid_by(by.payers) for line in some)
        amounts[f"account.{group}"] = sum(line.paid_by(by.accounts) for line in some)
        amounts[f"personal.{group}"] = sum(line.fen - line.paid_by(by.payers) for line in some)
        amounts[f"deductible.{group}"] = sum(line.deductible for line in some)
    return amounts
