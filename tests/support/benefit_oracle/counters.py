"""Counters: what steps may still pay or cover."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .amounts import amount, parameter_fen
from .lots import Split
from .memory import Memory
from .tables import row_of
from .windows import Leg


@dataclass
class Counters:
    """The counters of one leg; `limits` holds what their tables have said."""

    policy: Mapping[str, Any]
    leg: Leg
    split: Split
    memory: Memory
    limits: dict[str, int | None] = field(default_factory=dict)

    @property
    def written(self) -> Mapping[str, Any]:
        """The counters of the policy by name."""
        return self.policy.get("counters") or {}

    def payment_left(self, step: str) -> int | None:
        """Returns the least that counters leave of what `step` may pay, None if all."""
        return self._left(f"{step}.paid")

    def fee_left(self, step: str) -> int | None:
        """Returns the least that counters leave of what `step` may cover, None if all."""
        return self._left(f"{step}.covered")

    def _left(self, limited: str) -> int | None:
        left = [
            each
            for name, counter in self.written.items()
            if limited in counter["limits"]
            and (each := self._counter_left(name, counter)) is not None
        ]
        return min(left) if left else None

    def _counter_left(self, name: str, counter: Mapping[str, Any]) -> int | None:
        if name not in self.limits:
            limit = row_of(counter, self.leg.facts, f"counter {name}")["limit"]
            self.limits[name] = None if limit == "none" else amount(limit, self._parameter)
        limit = self.limits[name]
        if limit is None:
            return None
        before = self.memory.window(counter, self.leg).get(f"counter.{name}", 0)
        return int(max(limit - before - self._counted(counter), 0))

    def _parameter(self, name: str) -> int:
        return parameter_fen(name, self.policy["parameters"][name], self.leg.day)

    def _counted(self, counter: Mapping[str, Any]) -> int:
        """Returns what the steps of this leg have added so far, arrears with payments."""
        fen = 0
        for name in [*counter["limits"], *counter.get("counts", [])]:
            fen += self.split.amounts.get(name, 0)
            if name.endswith(".paid"):
                fen += self.split.amounts.get(name.removesuffix(".paid") + ".arrears", 0)
        return fen

    def remember(self) -> None:
        """Adds what this leg has counted to the memory of each window."""
        for name, counter in self.written.items():
            fen = self._counted(counter)
            if fen:
                window = self.memory.window(counter, self.leg)
                window[f"counter.{name}"] = window.get(f"counter.{name}", 0) + fen
