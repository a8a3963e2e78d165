"""Doubts about bases: who pays of what others have paid from, and what bears no deductible."""

from collections.abc import Iterator, Mapping

from yibao_settlement.rules.benefit.conditions import exclusive
from yibao_settlement.rules.benefit.doubts.doubt import Doubt, DoubtKind, placed_steps
from yibao_settlement.rules.benefit.names import TOTAL, name_of
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import (
    AccountStep,
    ClassifyStep,
    DeductibleStep,
    GivenStep,
    LaterStep,
    TiersStep,
)

_Payer = GivenStep | TiersStep | AccountStep


def doubts_of_bases(policy: BenefitPolicy) -> Iterator[Doubt]:
    """Yields doubts about bases, in the order of the steps."""
    bases = Bases(policy)
    for step, place in placed_steps(policy):
        if isinstance(step, ClassifyStep):
            continue
        for name, earlier in bases.parts_of_paid_bases(step):
            yield Doubt(
                DoubtKind.PART_OF_A_PAID_BASE,
                step.id,
                (*place, "base"),
                f"takes {name}, part of what {earlier.id} was paid from: what is left of it "
                f"depends on the order in the base of {earlier.id}",
                f"{name} 只是 {earlier.id} 支付基数的一部分：其剩余取决于 {earlier.id} "
                "的 base 中各项的先后",
            )
        if isinstance(step, DeductibleStep) and bases.is_without_effect(step):
            yield Doubt(
                DoubtKind.DEDUCTIBLE_WITHOUT_EFFECT,
                step.id,
                place,
                f"no fund leaves {step.id}.paid out: all pay as if there were no deductible; "
                f"let a base name {step.id}.rest",
                f"没有任何基金扣除 {step.id} 的起付线，等于不设起付线；"
                f"应在 base 中写 {step.id}.rest",
            )


class Bases:
    """How the bases of a policy's steps lie over each other."""

    def __init__(self, policy: BenefitPolicy) -> None:
        """Reads the steps in their order."""
        self.policy = policy
        self.steps: Mapping[str, LaterStep] = {
            step.id: step for step in policy.steps if not isinstance(step, ClassifyStep)
        }
        self.order = {step.id: index for index, step in enumerate(policy.steps)}

    def parts_of_paid_bases(self, step: LaterStep) -> Iterator[tuple[str, _Payer]]:
        """Yields names in the base of a step that are part of what an earlier step paid from."""
        for earlier in self.steps.values():
            if isinstance(earlier, DeductibleStep) or self.order[earlier.id] >= self.order[step.id]:
                continue
            for name in step.base:
                of = name_of(name)
                if of.step_id == earlier.id and of.group:
                    yield name, earlier
            older = [
                name
                for name in step.base
                if self._age(name) < self.order[earlier.id]
                and any(self.can_share(name, other) for other in earlier.base)
            ]
            if (
                older
                and not exclusive(step.applies, earlier.applies)
                and not all(self.is_within(name, step.base) for name in earlier.base)
            ):
                yield older[0], earlier

    def is_without_effect(self, deductible: DeductibleStep) -> bool:
        """Tells whether later steps pay of its base, and none heeds what it left."""
        later = [
            step
            for step in self.steps.values()
            if self.order[step.id] > self.order[deductible.id] and isinstance(step, TiersStep)
        ]
        heeded = any(
            name_of(name).step_id == deductible.id
            for step in self.steps.values()
            for name in self._named(step)
        )
        return not heeded and any(
            self.can_share(name, other)
            for step in later
            for name in step.base
            for other in deductible.base
        )

    def can_share(self, first: str, second: str) -> bool:
        """Tells whether a lot can carry both names."""
        if first == second or TOTAL in (first, second):
            return True
        one, two = name_of(first), name_of(second)
        if one.group and two.group and one.group != two.group:
            return False
        if one.step_id == two.step_id:
            return one.what == two.what
        if self._age(first) < self._age(second):
            first, second, one = second, first, two
        return any(self.can_share(name, second) for name in self.steps[one.step_id].base)

    def is_within(self, name: str, base: tuple[str, ...]) -> bool:
        """Tells whether every lot of a name is surely in a base."""
        if name in base or TOTAL in base:
            return True
        of = name_of(name)
        if of.group and name.removesuffix(f".{of.group}") in base:
            return True
        inner = self.steps[of.step_id].base if of.step_id else ()
        return bool(inner) and all(self.is_within(each, base) for each in inner)

    def _age(self, name: str) -> int:
        """Returns the position of the step that left a name; parts are of the first."""
        step_id = name_of(name).step_id
        return self.order[step_id] if step_id else 0

    @staticmethod
    def _named(step: LaterStep) -> Iterator[str]:
        yield from step.base
        if isinstance(step, TiersStep):
            yield from (*step.on_top_of, *(step.less or ()))
            thresholds = (row.value.threshold for row in step.table.rows)
            yield from (each.of for each in thresholds if not isinstance(each, int))
