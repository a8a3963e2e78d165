"""What the windows of a person remember."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .windows import Instance, Leg, Stays


@dataclass
class Memory:
    """Amounts by window instance, and the numbers that counts have given."""

    splits_years: bool
    goes_on: str
    windows: dict[Instance, dict[str, Any]] = field(default_factory=dict)
    counted: dict[tuple[str, Instance], list[Instance]] = field(default_factory=dict)
    stays: Stays = field(default_factory=Stays)
    purses: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "Memory":
        """Returns a memory of its own with the same in it."""
        return replace(
            self,
            windows={instance: dict(names) for instance, names in self.windows.items()},
            counted={count: list(numbers) for count, numbers in self.counted.items()},
            stays=self.stays.copy(),
            purses=dict(self.purses),
        )

    def window(
        self, user: Mapping[str, Any], leg: Leg, *, deductible: bool = False
    ) -> dict[str, Any]:
        """Returns the memory of the window of a step or counter, which may be written.

        A `deductible` of a stay goes on over the end of a year, unless it begins again.
        """
        kind = user.get("window", "bill")
        if kind == "bill":
            return {}
        goes_on = deductible and kind == "stay" and self.goes_on != "again"
        of_year = self.splits_years and not goes_on
        where = leg.instance(kind, user.get("per", []), of_year=of_year)
        return self.windows.setdefault(where, {})

    def can_count(self, count: Mapping[str, Any], leg: Leg) -> bool:
        """Tells whether the bill says all by which a count is divided."""
        return all(leg.facts.said.get(fact) is not None for fact in count.get("per", []))

    def number(self, name: str, count: Mapping[str, Any], leg: Leg, *, keep: bool) -> int:
        """Returns the number of this leg's window among those of its `in` window.

        With `keep` it is remembered.
        """
        within = leg.instance(
            count.get("in", "year"), count.get("per", []), of_year=self.splits_years
        )
        own = leg.instance(count["of"], [], of_year=self.splits_years)
        numbers = self.counted.get((name, within), [])
        groups = count.get("care_groups")
        if groups is not None and leg.facts.said.get("care_group") not in groups:
            return len(numbers)
        if own in numbers:
            return numbers.index(own) + 1
        if keep:
            self.counted[name, within] = [*numbers, own]
        return len(numbers) + 1
