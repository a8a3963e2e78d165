"""Which rows of a policy's tables hold for a leg, and the steps made of them.

A plan depends on facts, counts and the parameters in force, and on nothing of the bill: it
is made once for each kind of bill and remembered.
"""

import functools
from dataclasses import dataclass

from yibao_common.values.money import PPM
from yibao_settlement.rules.benefit.amounts import (
    BASE,
    Adjustment,
    Amount,
    Bracket,
    PartOf,
    Ratio,
)
from yibao_settlement.rules.benefit.asking import Asking
from yibao_settlement.rules.benefit.classify import ClassifyPlan
from yibao_settlement.rules.benefit.conditions import FactValue
from yibao_settlement.rules.benefit.curve import Curve, half_up, make_curve
from yibao_settlement.rules.benefit.deductible import OWN_BASE, DeductiblePlan, Share
from yibao_settlement.rules.benefit.due import DuePlan
from yibao_settlement.rules.benefit.facts import COUNT, Facts
from yibao_settlement.rules.benefit.layout import (
    CounterLayout,
    Layout,
    counted_positions,
    deductible_goes_on,
    layout_of,
)
from yibao_settlement.rules.benefit.payers import AccountPlan, GivenPlan
from yibao_settlement.rules.benefit.policy import BenefitPolicy, care_group_of
from yibao_settlement.rules.benefit.rounded import rounded_by
from yibao_settlement.rules.benefit.steps import (
    AccountStep,
    ClassifyStep,
    DeductibleStep,
    GivenStep,
    LaterStep,
    Purse,
    TiersStep,
)
from yibao_settlement.rules.benefit.tiers import Shift, TiersPlan
from yibao_settlement.rules.benefit.windows import NewYear, SplitDeductible, Window

# Kinds of bill remembered in a process: classes, levels and ages in some thousands of
# combinations are what a policy sees.
MAX_PLANS = 16_384

StepPlan = DeductiblePlan | TiersPlan | DuePlan | GivenPlan | AccountPlan
Limits = tuple[tuple[CounterLayout, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The steps of a policy for some facts; None for one that does not apply.

    `steps` begins with the step behind `classify`. `is_limiting` tells of each counter
    whether a step that it limits applies; `asked_counts` are the positions of the counts
    that some table asked for.
    """

    classify: ClassifyPlan
    steps: tuple[StepPlan | None, ...]
    is_limiting: tuple[bool, ...]
    asked_counts: tuple[int, ...]


@functools.lru_cache(MAX_PLANS)
def find_plan(
    layout: Layout,
    facts: tuple[FactValue | None, ...],
    care_group: str,
    numbers: tuple[int | str, ...],
    epochs: tuple[int, ...],
) -> Plan:
    """Returns the plan for the facts that the policy asks for, in the order of `asked`.

    Raises RuleError POLICY_NO_MATCHING_ROW, FACT_MISSING, PARAMETER_NOT_IN_FORCE.
    """
    policy = layout.policy
    asking = ask(layout, facts, care_group, numbers, epochs)
    opened = plan_classify(layout, asking)
    applies = (True, *(step.applies.holds(asking.value) for step in policy.steps[1:]))
    is_limiting = tuple(
        any(applies[index] for index in counter.limited_steps) for counter in layout.counters
    )
    limits: dict[str, Limits] = {}
    for counter, limiting in zip(layout.counters, is_limiting, strict=True):
        limit = _limit(asking, counter) if limiting else None
        if limit is not None:
            for name in counter.counter.limits:
                limits[name] = (*limits.get(name, ()), (counter, limit))
    maker = _Maker(layout, asking, limits)
    steps = tuple(
        maker.step(index, step) if applies[index] else None
        for index, step in enumerate(policy.steps)
        if not isinstance(step, ClassifyStep)
    )
    return Plan(opened, steps, is_limiting, tuple(sorted(asking.asked_counts)))


def ask(
    layout: Layout,
    facts: tuple[FactValue | None, ...],
    care_group: str,
    numbers: tuple[int | str, ...],
    epochs: tuple[int, ...],
) -> Asking:
    """Returns what answers the tables of a policy, with the facts that `find_plan` takes."""
    known = dict(zip(layout.asked, facts, strict=True))
    return Asking(layout.policy, known, care_group, numbers, epochs)


def plan_classify(layout: Layout, asking: Asking) -> ClassifyPlan:
    """Returns the plan of the first step."""
    step = layout.policy.steps[0]
    assert isinstance(step, ClassifyStep)
    index, row = asking.row(step.table, step.id)
    return ClassifyPlan(layout, step.id, index, row.value, step.refuses_out_of_cover)


def classify_plan(policy: BenefitPolicy, facts: Facts) -> ClassifyPlan:
    """Returns how a policy classifies lines that are of no bill yet.

    Raises RuleError FACT_MISSING where that asks for the number of the bill in a count,
    POLICY_NO_MATCHING_ROW.
    """
    layout = layout_of(policy)
    asked = tuple(facts[position] for position in layout.asked_positions)
    numbers = tuple(f"{COUNT}{count.name}" for count in policy.counts)
    asking = ask(layout, asked, care_group_of(policy, facts.care_type or ""), numbers, ())
    return plan_classify(layout, asking)


def _limit(asking: Asking, layout: CounterLayout) -> int | None:
    _, row = asking.row(layout.counter.table, f"counter {layout.counter.name}")
    if row.value is None:
        return None
    # The reader lets only parameters stand here.
    return asking.amount(row.value, lambda part: part.within_bounds_fen(0))


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the plan of a step that applies."""

    layout: Layout
    asking: Asking
    limits: dict[str, Limits]

    def step(self, index: int, step: LaterStep) -> StepPlan:
        """Returns the plan of the step at a position."""
        first, base = self.layout.first[index], self.layout.bases(step.base)
        match step:
            case GivenStep():
                return GivenPlan(index, base, first, step.fund_types)
            case AccountStep():
                order = list(Purse)
                purses = tuple(order.index(purse) for purse in step.purses)
                return AccountPlan(index, base, first, purses)
            case DeductibleStep():
                return self._deductible(index, step)
            case TiersStep():
                return self._tiers(index, step)

    def _deductible(self, index: int, step: DeductibleStep) -> DeductiblePlan:
        layout, policy = self.layout, self.layout.policy
        row_index, row = self.asking.row(step.table, step.id)
        windows = policy.windows
        is_fixed_over_new_year = (
            windows.new_year is NewYear.SPLIT
            and windows.split_deductible is SplitDeductible.ONCE
            and step.window is Window.STAY
        )
        held = not step.makes_up or is_fixed_over_new_year
        goes_on = deductible_goes_on(policy)
        whole = layout.slot(step.window, step.per, whole_stay=True) if held else None
        return DeductiblePlan(
            index=index,
            row_index=row_index,
            base=layout.bases(step.base),
            first=layout.first[index],
            slot=layout.slot(step.window, step.per, whole_stay=goes_on),
            amount=self.asking.amount(row.value, lambda part: self._share(step.id, part)),
            held_slot=whole,
            makes_up=step.makes_up,
            limits=self.limits.get(f"{step.id}.paid", ()),
            paid_key=f"{step.id}.paid",
            amount_key=f"{step.id}.amount",
            year_key=f"{step.id}.year",
            paid_tag=layout.tag(step.id, "paid"),
            rest_tag=layout.tag(step.id, "rest"),
        )

    def _share(self, step_id: str, part: PartOf) -> Share:
        position = OWN_BASE if part.of == BASE else self.layout.positions[part.of]
        return Share(part, position, f"{step_id}.of.{part.of}")

    def _tiers(self, index: int, step: TiersStep) -> TiersPlan | DuePlan:
        layout = self.layout
        row_index, row = self.asking.row(step.table, step.id)
        adjust = [self.asking.row(table, step.id)[1].value for table in step.adjust]
        ratios = [self._ratio(bracket, adjust) for bracket in row.value.brackets]
        curve = make_curve(row.value.brackets, ratios, axis_is_paid=step.axis_is_paid)
        shift, curve = self._shift(row.value.threshold, curve)
        limits = self.limits.get(f"{step.id}.paid", ())
        to_fen, copay_tag = rounded_by(step.rounding), layout.tag(step.id, "copay")
        base, first = layout.bases(step.base), layout.first[index]
        slot = layout.slot(step.window, step.per)
        if step.less is None:
            return TiersPlan(
                index=index,
                row_index=row_index,
                base=base,
                first=first,
                slot=slot,
                curve=curve,
                shift=shift,
                on_top_of=layout.amounts_of(step.on_top_of),
                fee_limits=self.limits.get(f"{step.id}.covered", ()),
                limits=limits,
                to_fen=to_fen,
                by_bracket=step.rounding.by_bracket,
                before_key=f"{step.id}.before",
                carry_key=f"{step.id}.carry",
                below_tag=layout.tag(step.id, "below"),
                copay_tag=copay_tag,
                overflow_tag=layout.tag(step.id, "overflow"),
            )
        own = f"{step.id}.paid"
        others = tuple(name for name in step.less if name != own)
        return DuePlan(
            index=index,
            row_index=row_index,
            base=base,
            first=first,
            slot=slot,
            curve=curve,
            shift=shift,
            others=layout.amounts_of(others),
            counted=counted_positions(others, layout.positions),
            is_own=own in step.less,
            limits=limits,
            to_fen=to_fen,
            before_key=f"{step.id}.before",
            less_key=f"{step.id}.less",
            copay_tag=copay_tag,
        )

    def _shift(self, threshold: Amount, curve: Curve) -> tuple[Shift | None, Curve]:
        """Returns what still moves the curve, and the curve moved by what does not vary."""
        moved = self.asking.amount(threshold, self._amount_shift)
        if isinstance(moved, int):
            return None, curve.moved(moved) if moved else curve
        return moved, curve

    def _amount_shift(self, part: PartOf) -> Shift:
        return Shift(part, self.layout.positions[part.of])

    def _ratio(self, bracket: Bracket, adjust: list[Adjustment]) -> int:
        """Returns the ratio of a bracket for these facts, in ppm from 0 to PPM."""
        ratio = self._by_number(bracket.ratio)
        for each in adjust:
            ratio = half_up(ratio * each.factor_ppm) + each.points_ppm
        return min(max(ratio, 0), PPM)

    def _by_number(self, ratio: Ratio) -> int:
        if isinstance(ratio, int):
            return ratio
        number = self.asking.value(ratio.fact)
        assert isinstance(number, int)
        grown = ratio.base_ppm + ratio.each_ppm * number
        return min(max(grown, ratio.least_ppm), ratio.most_ppm)
