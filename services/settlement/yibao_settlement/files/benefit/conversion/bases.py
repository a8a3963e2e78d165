"""Sums of amounts of `yibao-policy/1` as names of lots.

What payers took is no lot any more, so it need not be subtracted; what a deductible took
is left out by naming the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from yibao_settlement.files.benefit.conversion.choices import cannot_convert
from yibao_settlement.files.policy.schema import SumModel
from yibao_settlement.rules.benefit.names import FIRST_SELF_PAY, PARTS, TOTAL, name_of, spelled
from yibao_settlement.rules.benefit.steps import TiersStep

# What steps of before left that are lots; `base` names what lay there before.
_TAGS = {"deductible": ("paid",), "tiers": TiersStep.tags}


@dataclass(slots=True)
class Bases:
    """The bases of the steps converted so far, by step id; `kinds` are their types."""

    of_steps: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    def converted(self, step_id: str, kind: str, base: SumModel) -> list[str]:
        """Returns the base of a step and remembers it. Raises RuleError POLICY_FILE_INVALID."""
        names: list[str] = []
        for name in base.add:
            names += [each for each in self._added(step_id, spelled(name)) if each not in names]
        for name in base.subtract:
            names = self._less(step_id, names, spelled(name))
        self.remember(step_id, kind, names)
        return names

    def remember(self, step_id: str, kind: str, names: list[str]) -> None:
        """Notes the base of a step."""
        self.of_steps[step_id], self.kinds[step_id] = names, kind

    def without_deductible(self, names: Sequence[str], deductible_id: str) -> list[str] | None:
        """Returns a base less what a deductible took of it, None where its base is not in."""
        under = self.of_steps[deductible_id]
        if not set(under) <= set(names):
            return None
        return _replaced(names, under, [f"{deductible_id}.rest"])

    def _added(self, step_id: str, name: str) -> list[str]:
        of = name_of(name)
        if of.step_id and of.what == "base":
            return self.of_steps[of.step_id]
        if of.step_id and of.what not in _TAGS[self.kinds[of.step_id]]:
            raise cannot_convert(step_id, f"{name} has been paid and is no part of a base")
        return [name]

    def _less(self, step_id: str, names: list[str], name: str) -> list[str]:
        of = name_of(name)
        if of.step_id and self.kinds[of.step_id] == "tiers" and of.what == "paid":
            return names
        if of.step_id and self.kinds[of.step_id] == "deductible":
            less = self.without_deductible(names, of.step_id)
            if less is not None:
                return less
        elif of.step_id and of.what in TiersStep.tags:
            under = self.of_steps[of.step_id]
            if set(under) <= set(names):
                kept = [tag for tag in TiersStep.tags if tag != of.what]
                return _replaced(names, under, [f"{of.step_id}.{tag}" for tag in kept])
        elif not of.step_id and TOTAL in names and name in PARTS:
            return _replaced(names, [TOTAL], [part for part in PARTS if part != name])
        if name in names:
            return [each for each in names if each != name]
        raise cannot_convert(step_id, f"{', '.join(names)} less {name} is no list of lots")


def account_bases(bases: Bases, step_id: str, pays: Sequence[str]) -> list[str]:
    """Returns the lots of the parts of the personal cost that an account paid."""
    wanted, names = set(pays), []
    deductibles = [each for each, kind in bases.kinds.items() if kind == "deductible"]
    if {"deductible", "copay"} <= wanted or ("copay" in wanted and not deductibles):
        names.append("eligible")
    elif "deductible" in wanted:
        names += [f"{each}.paid" for each in deductibles]
    elif "copay" in wanted:
        rest = bases.without_deductible(["eligible"], deductibles[0])
        if rest is None or len(deductibles) > 1:
            raise cannot_convert(step_id, "it pays the copay alone beside several deductibles")
        names += rest
    parts = {"prepay": FIRST_SELF_PAY, "over_limit": "over_limit", "excluded": "excluded"}
    return names + [name for part, name in parts.items() if part in wanted]


def _replaced(names: Sequence[str], old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Returns names with some, which stand among them, replaced where the first stood."""
    place = min(names.index(name) for name in old)
    before = [name for name in names[:place] if name not in old]
    return [*before, *new, *(name for name in names[place:] if name not in old)]
