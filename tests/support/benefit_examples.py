"""The examples of `tests/vectors/policy`: policies with bills of one person, settled in order."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from support.contracts import ROOT

from yibao_common.values.errors import RuleError
from yibao_settlement.files.benefit.file import load_benefit_policy
from yibao_settlement.rules.benefit.adjudicate import adjudicate
from yibao_settlement.rules.benefit.answers import figures_by_group, figures_by_line
from yibao_settlement.rules.benefit.bill import (
    NO_BALANCES,
    Attested,
    Balances,
    Bill,
    BillLine,
    CoverPeriod,
    Given,
)
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.memory import NOTHING_YET, Memory
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.split import Split
from yibao_settlement.rules.benefit.steps import Purse

EXAMPLES = ROOT / "tests" / "vectors" / "policy"
FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/policy.yaml"))
# Words of example files are YAML of any writer, dates included.
Json = dict[str, Any]


def policy_in(folder: Path) -> BenefitPolicy:
    """Returns the policy of an example."""
    return load_benefit_policy((folder / "policy.yaml").read_bytes(), name=folder.name)


def history_in(folder: Path) -> Json:
    """Returns the purses and bills of an example."""
    loaded: Json = yaml.safe_load((folder / "bills.yaml").read_text(encoding="utf-8"))
    return loaded


def facts_of(said: Json) -> Facts:
    """Returns facts; sets are lists in files."""
    sets = ("entitlement_groups", "diseases")
    facts: Json = {k: frozenset(v) if k in sets else v for k, v in said.items()}
    return Facts(**facts)


def line_of(number: int, line: Json) -> BillLine:
    """Returns a line of an example."""
    there = line.get("there")
    attested = None
    if there is not None:
        both = {**line, **there}
        attested = Attested(both["class"], both.get("share_ppm"), both.get("over_fen", 0))
    return BillLine(
        line_id=str(number),
        amount_fen=line["fen"],
        catalogue_class=line["class"],
        charge_date=line.get("date"),
        first_self_pay_ppm=line.get("share_ppm"),
        over_limit_fen=line.get("over_fen", 0),
        item_group=line.get("item_group"),
        attested=attested,
    )


def bill_of(said: Json, balances: Balances, *, number: int = 0) -> Bill:
    """Returns a bill of an example; one without a visit is a visit of its own."""
    facts = said.get("facts", {})
    at_admission = {**facts, **said.get("facts_at_admission", {})}
    cover = said.get("cover")
    transfer = said.get("transfer_from")
    return Bill(
        visit_id=str(said.get("visit", f"bill {number}")),
        date=said["date"],
        lines=tuple(line_of(*each) for each in enumerate(said["lines"])),
        facts=facts_of(facts),
        facts_at_admission=facts_of(at_admission),
        admission_date=said.get("admitted"),
        transfer_from=None if transfer is None else str(transfer),
        cover=None if cover is None else tuple(CoverPeriod(c["from"], c.get("to")) for c in cover),
        given=tuple(Given(g["fund_type"], g["fen"]) for g in said.get("given", [])),
        account_used=bool(said.get("use_account")),
        balances=balances,
    )


@dataclass
class Person:
    """A person whose bills are settled one after the other, with what they come to so far."""

    policy: BenefitPolicy
    balances: Balances = NO_BALANCES
    memory: Memory = NOTHING_YET
    every: dict[str, int] = field(default_factory=dict)
    bills: int = 0

    def settle(self, said: Json) -> Split:
        """Settles a bill and remembers it."""
        bill = bill_of(said, self.balances, number=self.bills)
        split = adjudicate(self.policy, bill, self.memory)
        self.memory = self.memory.after(split.change)
        paid = split.paid_by_purse
        left = [had - taken for had, taken in zip(self.balances, paid, strict=True)]
        self.balances = Balances(*left)
        self.bills += 1
        return split

    def names(self, split: Split) -> dict[str, int]:
        """Returns every amount by the name that examples give it."""
        sums = {k.removesuffix("_fen"): v for k, v in split.sums._asdict().items()}
        sums["prepay"] = sums["first_self_pay"]
        amounts = {name: split.amount_fen(name) for name in split.layout.positions}
        lines = figures_by_line(split)
        for figures in figures_by_group(split.layout, lines):
            for what in ("fund", "personal", "account", "deductible"):
                sums[f"{what}.{figures.group}"] = getattr(figures, f"{what}_fen")
        held = dict(zip((purse.value for purse in Purse), self.balances, strict=True))
        purses = {f"purse.{purse}": fen for purse, fen in held.items()}
        names = {**amounts, **sums, **purses, "balance": sum(held.values())}
        for name, fen in names.items():
            self.every[name] = self.every.get(name, 0) + fen
        names |= {f"all.{name}": fen for name, fen in self.every.items()}
        return names | {"refused_lines": len(split.refused_lines)}


def value_of(expression: str, names: Mapping[str, int]) -> int | str:
    """Returns a sum of names, or a ratio of two sums with four decimals."""
    if "/" in expression:
        over, under = (_sum_of(each, names) for each in expression.split("/"))
        ratio = (2 * over * 10_000 + under) // (2 * under)
        return f"{ratio // 10_000}.{ratio % 10_000:04d}"
    return _sum_of(expression, names)


def _sum_of(expression: str, names: Mapping[str, int]) -> int:
    terms = re.findall(r"([+-]?)\s*([A-Za-z][\w.]*)", expression)
    return sum((-1 if sign == "-" else 1) * names[name] for sign, name in terms)


def outcomes(folder: Path) -> Iterator[tuple[str, object, object]]:
    """Yields what each bill of an example is expected to come to, and what it comes to."""
    history = history_in(folder)
    purses = history.get("purses") or {}
    balances = Balances(*(purses.get(purse.value, 0) for purse in Purse))
    person = Person(policy_in(folder), balances)
    for number, said in enumerate(history["bills"], start=1):
        try:
            split = person.settle(said)
        except RuleError as refusal:
            yield f"bill {number}", said.get("refused"), refusal.reason.name
            continue
        yield f"bill {number}", said.get("refused"), None
        names = person.names(split)
        for expression, expected in said.get("expected", {}).items():
            yield f"bill {number}: {expression}", expected, value_of(expression, names)
