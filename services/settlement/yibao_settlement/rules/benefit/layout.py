"""How a policy's names lie in memory: positions of amounts, bits of lots, slots of windows."""

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from yibao_settlement.rules.benefit.facts import CARE_GROUP, COUNT, Facts
from yibao_settlement.rules.benefit.lots import LotTest
from yibao_settlement.rules.benefit.names import FIRST_SELF_PAY, PARTS, REST, TOTAL, name_of
from yibao_settlement.rules.benefit.policy import BenefitPolicy, Counter
from yibao_settlement.rules.benefit.steps import (
    AccountStep,
    AnyStep,
    Bearer,
    ClassifyStep,
    DeductibleStep,
    GivenStep,
    TiersStep,
)
from yibao_settlement.rules.benefit.windows import Count, NewYear, SplitDeductible, Window

# Policies remembered in a process; a region has a handful a year.
_MOST_LAYOUTS = 1_024


class Slot(NamedTuple):
    """A window as a policy uses it: divided by facts, and a stay whole or by year."""

    window: Window
    per: tuple[str, ...]
    whole_stay: bool


class GroupedAmount(NamedTuple):
    """An amount of one group that somebody names: its position, and the lots it sums."""

    position: int
    test: LotTest


class CounterLayout(NamedTuple):
    """A counter: its window, its key in it, and the positions of what it counts.

    `limited_steps` are the positions of the steps that it limits.
    """

    counter: Counter
    slot: int
    key: str
    counted: tuple[int, ...]
    limited_steps: tuple[int, ...]


class CountLayout(NamedTuple):
    """A count: the slots of its inner and outer window, and its key in them."""

    declared: Count
    inner: int
    outer: int
    key: str


class PayerLayout(NamedTuple):
    """A step that pays for others than the person, and where its amounts begin."""

    step_id: str
    payer: str | Bearer
    first: int
    is_tiers: bool


class SumPositions(NamedTuple):
    """The positions of what the sums of a bill add up."""

    deductible: tuple[int, ...]
    first_share: tuple[int, ...]
    funds: tuple[int, ...]
    arrears: tuple[int, ...]
    account: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A policy with everything that does not depend on a bill.

    Of lots, bit `part x groups + group` says which part and group they are; the bits of tags
    stand above. `kinds` has all bits of the first sort. Of amounts, the total comes first,
    then the parts, then parts by group, then what each step leaves, from `first[step]`, and
    then what it leaves by group, as far as the policy names that. `uses_…` tell of the
    windows of any step, counter or count; traces of the policy begin with `trace_prefix`.
    """

    policy: BenefitPolicy
    groups: tuple[str, ...]
    kinds: int
    positions: Mapping[str, int]
    tests: Mapping[str, LotTest]
    first: tuple[int, ...]
    grouped: tuple[tuple[GroupedAmount, ...], ...]
    slots: tuple[Slot, ...]
    counters: tuple[CounterLayout, ...]
    counts: tuple[CountLayout, ...]
    asked: tuple[str, ...]
    asked_positions: tuple[int, ...]
    uses_years: bool
    uses_stays: bool
    uses_periods: bool
    uses_months: bool
    payers: tuple[PayerLayout, ...]
    sums: SumPositions
    trace_prefix: bytes

    def slot(self, window: Window, per: tuple[str, ...], *, whole_stay: bool = False) -> int:
        """Returns where a window stands among the slots."""
        return self.slots.index(_slot(self.policy, window, per, whole_stay=whole_stay))

    def bases(self, names: tuple[str, ...]) -> tuple[LotTest, ...]:
        """Returns the tests of a base, names of parts that lie in the order of lots as one."""
        united: list[LotTest] = []
        for test in (self.tests[name] for name in names):
            before = united[-1].mask if united else 0
            are_parts = test.mask == test.also and not (before | test.mask) & ~self.kinds
            # Lots lie by part and group, and stay so when they are cut.
            if are_parts and test.mask & -test.mask > before > 0:
                united[-1] = LotTest(before | test.mask, before | test.mask)
            else:
                united.append(test)
        return tuple(united)

    def tag(self, step_id: str, what: str) -> int:
        """Returns the bit of a tag."""
        return self.tests[f"{step_id}.{what}"].mask

    def amounts_of(self, names: tuple[str, ...]) -> tuple[int, ...]:
        """Returns the positions of amounts."""
        return tuple(self.positions[name] for name in names)


@functools.lru_cache(_MOST_LAYOUTS)
def layout_of(policy: BenefitPolicy) -> Layout:
    """Returns the layout of a policy; remembered, since it is asked for each bill."""
    groups = (*(group.name for group in policy.line_groups), REST)
    positions, first = _positions(policy, groups)
    tests = _tests(policy, groups)
    slots = tuple(dict.fromkeys(_slots(policy)))
    counters = tuple(_counter(policy, counter, positions, slots) for counter in policy.counters)
    grouped = _grouped(policy, positions, tests)
    asked = _asked(policy)
    counts = tuple(
        CountLayout(
            count,
            slots.index(_slot(policy, count.of, count.per)),
            slots.index(_slot(policy, count.within, count.per)),
            f"{COUNT}{count.name}",
        )
        for count in policy.counts
    )
    return Layout(
        policy=policy,
        groups=groups,
        kinds=tests[TOTAL].mask,
        positions=positions,
        tests=tests,
        first=first,
        grouped=grouped,
        slots=slots,
        counters=counters,
        counts=counts,
        asked=asked,
        asked_positions=tuple(Facts._fields.index(fact) for fact in asked),
        uses_years=_uses(slots, Window.YEAR),
        uses_stays=_uses(slots, Window.STAY, Window.PERIOD),
        uses_periods=_uses(slots, Window.PERIOD),
        uses_months=_uses(slots, Window.MONTH, Window.DAY),
        payers=_payers(policy, first),
        sums=_sum_positions(policy, positions),
        trace_prefix=_trace_prefix(policy),
    )


def _uses(slots: tuple[Slot, ...], *windows: Window) -> bool:
    return any(slot.window in windows for slot in slots)


def _trace_prefix(policy: BenefitPolicy) -> bytes:
    ids = (step.id for step in policy.steps)
    return "\n".join(("yibao-trace/2", policy.version, *ids, "")).encode()


def counted_positions(names: tuple[str, ...], positions: Mapping[str, int]) -> tuple[int, ...]:
    """Returns the positions of what was paid by these names, arrears included."""
    found = []
    for name in names:
        found.append(positions[name])
        step_id, _, what = name.partition(".")
        if what == "paid" and f"{step_id}.arrears" in positions:
            found.append(positions[f"{step_id}.arrears"])
    return tuple(found)


def _payers(policy: BenefitPolicy, first: tuple[int, ...]) -> tuple[PayerLayout, ...]:
    """Returns who pays for others than the person; payments given bear the step's id alone."""
    payers = []
    for step, at in zip(policy.steps, first, strict=True):
        if isinstance(step, TiersStep):
            payers.append(PayerLayout(step.id, step.payer, at, is_tiers=True))
        elif isinstance(step, GivenStep):
            payers.append(PayerLayout(step.id, "", at, is_tiers=False))
    return tuple(payers)


def _sum_positions(policy: BenefitPolicy, positions: Mapping[str, int]) -> SumPositions:
    deductible: list[int] = []
    first_share = [positions[FIRST_SELF_PAY]]
    account: list[int] = []
    funds: list[int] = []
    arrears: list[int] = []
    for step in policy.steps:
        if isinstance(step, DeductibleStep):
            told = first_share if step.as_first_self_pay else deductible
            told.append(positions[f"{step.id}.paid"])
        elif isinstance(step, AccountStep):
            account.append(positions[f"{step.id}.paid"])
        elif isinstance(step, GivenStep | TiersStep):
            funds.append(positions[f"{step.id}.paid"])
            if isinstance(step, TiersStep):
                arrears.append(positions[f"{step.id}.arrears"])
    found = (deductible, first_share, funds, arrears, account)
    return SumPositions(*(tuple(each) for each in found))


def _positions(
    policy: BenefitPolicy, groups: tuple[str, ...]
) -> tuple[dict[str, int], tuple[int, ...]]:
    names = [TOTAL, *PARTS, *(f"{part}.{group}" for part in PARTS for group in groups)]
    first = []
    for step in policy.steps:
        first.append(len(names))
        names += [f"{step.id}.{what}" for what in step.leaves]
    names += sorted(_grouped_names(policy))
    return {name: position for position, name in enumerate(names)}, tuple(first)


def _tests(policy: BenefitPolicy, groups: tuple[str, ...]) -> dict[str, LotTest]:
    """Returns how to know the lots of every name."""
    tests: dict[str, LotTest] = {}
    bit = 1
    for part in PARTS:
        for group in groups:
            tests[f"{part}.{group}"] = LotTest(bit, bit)
            bit <<= 1
    for part in PARTS:
        mask = sum(tests[f"{part}.{group}"].mask for group in groups)
        tests[part] = LotTest(mask, mask)
    tests[TOTAL] = LotTest(bit - 1, bit - 1)
    of_group = {group: sum(tests[f"{part}.{group}"].mask for part in PARTS) for group in groups}
    for step in policy.steps:
        for what in step.tags:
            tests[f"{step.id}.{what}"] = LotTest(bit, bit)
            for group in groups:
                tests[f"{step.id}.{what}.{group}"] = LotTest(bit, of_group[group])
            bit <<= 1
    return tests


def _slot(
    policy: BenefitPolicy, window: Window, per: tuple[str, ...], *, whole_stay: bool = False
) -> Slot:
    """Returns a window; a stay that New Year does not split is whole in any case."""
    split = policy.windows.new_year is NewYear.SPLIT
    return Slot(window, per, window is Window.STAY and (whole_stay or not split))


def deductible_goes_on(policy: BenefitPolicy) -> bool:
    """Tells whether a deductible of a stay goes on in a new year."""
    return policy.windows.split_deductible is not SplitDeductible.AGAIN


def _slots(policy: BenefitPolicy) -> list[Slot]:
    slots = []
    for step in policy.steps:
        if isinstance(step, DeductibleStep):
            goes_on = deductible_goes_on(policy)
            slots.append(_slot(policy, step.window, step.per, whole_stay=goes_on))
            slots.append(_slot(policy, step.window, step.per, whole_stay=True))
        elif isinstance(step, TiersStep):
            slots.append(_slot(policy, step.window, step.per))
    slots += [_slot(policy, counter.window, counter.per) for counter in policy.counters]
    for count in policy.counts:
        slots += [_slot(policy, window, count.per) for window in (count.of, count.within)]
    return slots


def _counter(
    policy: BenefitPolicy,
    counter: Counter,
    positions: Mapping[str, int],
    slots: tuple[Slot, ...],
) -> CounterLayout:
    limited = {name_of(name).step_id for name in counter.limits}
    return CounterLayout(
        counter,
        slots.index(_slot(policy, counter.window, counter.per)),
        f"counter.{counter.name}",
        counted_positions((*counter.limits, *counter.counts), positions),
        tuple(index for index, step in enumerate(policy.steps) if step.id in limited),
    )


def _grouped(
    policy: BenefitPolicy, positions: Mapping[str, int], tests: Mapping[str, LotTest]
) -> tuple[tuple[GroupedAmount, ...], ...]:
    """Returns for each step the amounts by group of what it tags, as far as they are named."""
    named = sorted(_grouped_names(policy))
    return tuple(
        tuple(
            GroupedAmount(positions[name], tests[name])
            for name in named
            if name_of(name).step_id == step.id
        )
        for step in policy.steps
    )


def _grouped_names(policy: BenefitPolicy) -> set[str]:
    """Returns the amounts by group of what steps tag that somebody names: others have none."""
    return {name for name in _amounts_named(policy) if name.count(".") == 2}


def _amounts_named(policy: BenefitPolicy) -> set[str]:
    named = {name for counter in policy.counters for name in counter.counts}
    for step in policy.steps:
        if isinstance(step, DeductibleStep):
            named |= {row.value.of for row in step.table.rows if not isinstance(row.value, int)}
        elif isinstance(step, TiersStep):
            named |= set(step.on_top_of)
            thresholds = [row.value.threshold for row in step.table.rows]
            named |= {each.of for each in thresholds if not isinstance(each, int)}
    return named


def _asked(policy: BenefitPolicy) -> tuple[str, ...]:
    """Returns the facts that any table of the policy asks for, by their order in `Facts`."""
    asked: set[str] = set()
    for step in policy.steps:
        asked |= {fact for fact, _ in step.applies.matchers}
        asked |= set(_table_facts(step))
    asked |= {fact for counter in policy.counters for fact in counter.table.by}
    if CARE_GROUP in asked:
        # Care of no group is told by its type where it is refused.
        asked.add("care_type")
    return tuple(fact for fact in Facts._fields if fact in asked)


def _table_facts(step: AnyStep) -> list[str]:
    if isinstance(step, ClassifyStep | DeductibleStep):
        return list(step.table.by)
    if not isinstance(step, TiersStep):
        return []
    ratios = itertools.chain.from_iterable(
        (bracket.ratio for bracket in row.value.brackets) for row in step.table.rows
    )
    grown = [ratio.fact for ratio in ratios if not isinstance(ratio, int)]
    adjusted = [fact for table in step.adjust for fact in table.by]
    return [*step.table.by, *grown, *adjusted]
