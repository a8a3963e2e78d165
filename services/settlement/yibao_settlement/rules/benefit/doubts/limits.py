"""Doubts about limits, and about what interim bills of a stay come to."""

import itertools
from collections.abc import Iterator

from yibao_common.values.money import PPM, yuan
from yibao_settlement.rules.benefit.amounts import BASE, Amount, Bracket
from yibao_settlement.rules.benefit.conditions import exclusive
from yibao_settlement.rules.benefit.curve import half_up, make_curve
from yibao_settlement.rules.benefit.doubts.doubt import Doubt, DoubtKind, placed_steps
from yibao_settlement.rules.benefit.names import ELIGIBLE, name_of
from yibao_settlement.rules.benefit.policy import BenefitPolicy, Counter
from yibao_settlement.rules.benefit.steps import AnyStep, DeductibleStep, TiersStep
from yibao_settlement.rules.benefit.windows import Window


def doubts_of_limits(policy: BenefitPolicy) -> Iterator[Doubt]:
    """Yields doubts about growing deductibles, then those about counters."""
    parameters = {parameter.name for parameter in policy.parameters}
    under = {
        name for step in policy.steps if isinstance(step, TiersStep) for name in step.on_top_of
    }
    for step, place in placed_steps(policy):
        if not isinstance(step, DeductibleStep) or step.window is Window.BILL:
            continue
        for number, row in enumerate(step.table.rows):
            of = "" if isinstance(row.value, int) else row.value.of
            grows = of and of not in parameters
            if grows and (f"{step.id}.paid" in under or of not in (BASE, ELIGIBLE)):
                yield Doubt(
                    DoubtKind.GROWING_DEDUCTIBLE,
                    step.id,
                    (*place, "rows", number, "amount"),
                    f"its amount grows with {of}: interim bills can differ from one bill",
                    f"起付额随 {of} 增长：分次结算与一次结算可能不同",
                )
    steps = {step.id: step for step in policy.steps}
    for counter in policy.counters:
        yield from _shared(counter, steps)
        yield from _out_of_reach(policy, counter, steps)
    yield from _never_beyond(policy)


def _shared(counter: Counter, steps: dict[str, AnyStep]) -> Iterator[Doubt]:
    """Yields steps that can use one limit in one bill."""
    limited = dict.fromkeys(name_of(name).step_id for name in counter.limits)
    for first, second in itertools.combinations(limited, 2):
        if not exclusive(steps[first].applies, steps[second].applies):
            yield Doubt(
                DoubtKind.SHARED_LIMIT,
                counter.name,
                ("counters", counter.name, "limits"),
                f"limits {first} and {second} in one bill: the earlier takes first, interim "
                "bills can differ from one bill",
                f"{first} 与 {second} 在同一单据中共用限额：先者先用，分次结算与一次结算可能不同",
            )


def _out_of_reach(
    policy: BenefitPolicy, counter: Counter, steps: dict[str, AnyStep]
) -> Iterator[Doubt]:
    limits = [row.value for row in counter.table.rows if row.value is not None]
    lowest = min((_least_fen(policy, limit) for limit in limits), default=None)
    most = _most_counted_fen(counter, steps)
    if lowest is not None and most is not None and most < lowest:
        yield Doubt(
            DoubtKind.LIMIT_OUT_OF_REACH,
            counter.name,
            ("counters", counter.name, "rows"),
            f"can never be reached: what it counts comes to at most {yuan(most)}, and the "
            f"limit is {yuan(lowest)}",
            f"永远达不到：所计金额最多 {yuan(most)} 元，而限额为 {yuan(lowest)} 元",
        )


def _never_beyond(policy: BenefitPolicy) -> Iterator[Doubt]:
    """Yields bases of what lies beyond brackets that end nowhere and that nothing limits."""
    limited = {name_of(name).step_id for counter in policy.counters for name in counter.limits}
    endless = {
        step.id
        for step in policy.steps
        if isinstance(step, TiersStep)
        and step.id not in limited
        and all(row.value.brackets[-1].upto_fen is None for row in step.table.rows)
    }
    for step, place in placed_steps(policy):
        if not isinstance(step, DeductibleStep | TiersStep):
            continue
        for number, name in enumerate(step.base):
            of = name_of(name)
            if of.what == "overflow" and of.step_id in endless:
                yield Doubt(
                    DoubtKind.NOTHING_IN_BASE,
                    step.id,
                    (*place, "base", number),
                    f"{name} is always 0: the last bracket of {of.step_id} has no end and no "
                    f"counter limits {of.step_id}.paid",
                    f"{name} 始终为 0：{of.step_id} 最后一段没有上限，也没有限额限制 "
                    f"{of.step_id}.paid",
                )


def _least_fen(policy: BenefitPolicy, limit: Amount) -> int:
    """Returns the lowest that a limit can be; only parameters stand in one."""
    if isinstance(limit, int):
        return limit
    values = (
        value.fen
        for parameter in policy.parameters
        if parameter.name == limit.of
        for value in parameter.values
    )
    return min(limit.within_bounds_fen(fen) for fen in values)


def _most_counted_fen(counter: Counter, steps: dict[str, AnyStep]) -> int | None:
    """Returns the most that a counter can count in its window, None where nothing bounds it."""
    total = 0
    for name in (*counter.limits, *counter.counts):
        of = name_of(name)
        most = _most_fen(steps[of.step_id], of.what, counter) if of.step_id else None
        if most is None:
            return None
        total += most
    return total


def _most_fen(step: AnyStep, what: str, counter: Counter) -> int | None:
    """Returns the most that a step leaves in a window of a counter."""
    if not isinstance(step, DeductibleStep | TiersStep):
        return None
    is_one_window = counter.window in (Window.BILL, step.window) and set(step.per) <= set(
        counter.per
    )
    if not is_one_window:
        return None
    if isinstance(step, DeductibleStep):
        amounts = [
            row.value if isinstance(row.value, int) else row.value.most_fen
            for row in step.table.rows
        ]
        known = [each for each in amounts if each is not None]
        return max(known) if len(known) == len(amounts) and what == "paid" else None
    mosts = [_most_of_brackets(step, row.value.brackets, what) for row in step.table.rows]
    known = [each for each in mosts if each is not None]
    return max(known) if len(known) == len(mosts) else None


def _most_of_brackets(step: TiersStep, brackets: tuple[Bracket, ...], what: str) -> int | None:
    """Returns the most that brackets pay or cover, rounded up where each is rounded."""
    ratios = [_most_ratio(step, bracket) for bracket in brackets]
    curve = make_curve(brackets, ratios, axis_is_paid=step.axis_is_paid)
    if curve.top_fen is None:
        return None
    if what == "covered":
        return curve.top_fen - curve.starts[0]
    paid = half_up(curve.exacts[-1]) if what == "paid" else None
    return None if paid is None else paid + len(brackets) * step.rounding.unit_fen


def _most_ratio(step: TiersStep, bracket: Bracket) -> int:
    """Returns the highest ratio that a bracket can have behind all that changes it."""
    ratio = bracket.ratio if isinstance(bracket.ratio, int) else bracket.ratio.most_ppm
    for table in step.adjust:
        changes = (row.value for row in table.rows)
        ratio = max(half_up(ratio * each.factor_ppm) + each.points_ppm for each in changes)
    return min(max(ratio, 0), PPM)
