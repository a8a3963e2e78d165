"""The steps that take or tag lots in order: given, account, deductible."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .amounts import amount, parameter_fen
from .counters import Counters
from .lots import Split, total
from .memory import Memory
from .tables import applies, row_of
from .windows import Leg

Step = Mapping[str, Any]


@dataclass
class Steps:
    """The steps of one leg, with all that they ask."""

    policy: Mapping[str, Any]
    leg: Leg
    split: Split
    counters: Counters
    memory: Memory

    def value_of(self, name: str) -> int:
        """Returns what a name in `of` is worth, as the step left it."""
        parameters = self.policy.get("parameters") or {}
        if name in parameters:
            return parameter_fen(name, parameters[name], self.leg.day)
        return self.split.amounts[name]

    def given(self, step: Step, left: dict[str, int]) -> None:
        """Takes what others have paid; `left` is what no leg has taken yet."""
        self.split.leaves(step["id"], "paid")
        if not applies(step.get("applies"), self.leg.facts):
            return
        for lot in self.split.base(step["base"]):
            for fund_type in step["fund_types"]:
                fen = min(lot.fen, left.get(fund_type, 0))
                if fen:
                    left[fund_type] -= fen
                    self.split.take(lot, step["id"], fen)

    def account(self, step: Step, use: bool, purses: dict[str, int]) -> None:
        """Lets the personal account pay, purse by purse."""
        self.split.leaves(step["id"], "paid")
        if not applies(step.get("applies"), self.leg.facts) or not use:
            return
        base = self.split.base(step["base"])
        for name in step.get("purses", ["current_year", "carried", "family"]):
            for lot in base:
                fen = min(lot.fen, purses.get(name, 0))
                if fen:
                    purses[name] -= fen
                    self.split.take(lot, step["id"], fen)

    def deductible(self, step: Step) -> None:
        """Writes on the first lots of the base that the insured person bears them."""
        name = step["id"]
        self.split.leaves(name, "base", "paid", "rest")
        if not applies(step.get("applies"), self.leg.facts):
            return
        base = self.split.base(step["base"])
        base_fen = total(base)
        window = self.memory.window(step, self.leg, deductible=True)

        def over_window(of: str) -> int:
            """Adds this bill to what the window knows of an amount of the bill."""
            if of in (self.policy.get("parameters") or {}):
                return self.value_of(of)
            now = base_fen if of == "base" else self.value_of(of)
            window[f"{name}.of.{of}"] = window.get(f"{name}.of.{of}", 0) + now
            return int(window[f"{name}.of.{of}"])

        chosen = amount(row_of(step, self.leg.facts, name)["amount"], over_window)
        chosen = self._fixed(step, window, chosen, base_fen)
        due = max(chosen - window.get(f"{name}.paid", 0), 0)
        paid = min(due, base_fen)
        limit = self.counters.payment_left(name)
        if limit is not None:
            paid = min(paid, limit)
        left = paid
        for lot in base:
            self.split.tag(lot, name, "base")
            first, second = self.split.cut(lot, min(left, lot.fen))
            left -= first.fen
            self.split.tag(first, name, "paid")
            self.split.tag(second, name, "rest")
        window[f"{name}.paid"] = window.get(f"{name}.paid", 0) + paid

    def _fixed(self, step: Step, window: dict[str, Any], chosen: int, base_fen: int) -> int:
        """Returns the amount that an earlier bill of the window fixed, or `chosen`."""
        name = step["id"]
        year, fixed = window.get(f"{name}.amount", (self.leg.year, chosen))
        keeps = self.memory.splits_years and self.memory.goes_on == "once"
        once = keeps and step.get("window") == "stay"
        # A late line of the old year changes as little of what is fixed as one of the new.
        if not step.get("make_up", True) or (once and year != self.leg.year):
            chosen = fixed
        if base_fen:
            window[f"{name}.amount"] = (year, chosen)
        return int(chosen)
