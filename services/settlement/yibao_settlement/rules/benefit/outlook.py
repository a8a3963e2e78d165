"""What the next bill with the same facts bears first, and what limits leave of it."""

from collections.abc import Iterator
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_settlement.rules.benefit.adjudicate import find_leg_plan, new_leg
from yibao_settlement.rules.benefit.deductible import DeductiblePlan
from yibao_settlement.rules.benefit.due import DuePlan
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.layout import CounterLayout, Layout
from yibao_settlement.rules.benefit.leg import Leg, Span
from yibao_settlement.rules.benefit.memory import Memory
from yibao_settlement.rules.benefit.plan import Plan
from yibao_settlement.rules.benefit.record import Record, TiersRecord
from yibao_settlement.rules.benefit.split import LegSplit
from yibao_settlement.rules.benefit.steps import Bearer, DeductibleStep, TiersStep
from yibao_settlement.rules.benefit.tiers import TiersPlan
from yibao_settlement.rules.benefit.windows import Window

# The visit of a bill that is still to come.
_NEXT_VISIT = "next"
_OF_STAYS = (Window.STAY, Window.PERIOD)


class Limit(NamedTuple):
    """The most that a fund's step pays in a window, and what is left of it, in fen.

    `is_running` is whether the next bill falls into the window of this one, and does not
    begin its own; `of_fee` whether the fee is limited that the step pays on, and not the
    payment.
    """

    step_id: str
    fund_type: str
    title_zh: str
    window: Window
    per: tuple[str, ...]
    is_running: bool
    of_fee: bool
    limit_fen: int
    left_fen: int


class Outlook(NamedTuple):
    """The deductibles of the next bill, and the limits."""

    deductible_fen: int
    limits: tuple[Limit, ...]


def outlook_of(
    layout: Layout, facts: Facts, memory: Memory, *, last: LegSplit, span: Span, stay_id: str
) -> Outlook | None:
    """Returns what is to come in a span; `memory` is that behind the bill whose `last` leg
    this is, as far as the bill opened windows.

    `stay_id` is the stay that goes on, empty where the next bill is of a visit of its own. A
    limit is left out where the bill did not ask what earlier ones had used of it.

    None where no row holds, or where a deductible is a share of the bill.
    """
    own = stay_id or _NEXT_VISIT
    leg = new_leg(layout, memory, facts, stay_id=own, span=span)
    try:
        plan = find_leg_plan(leg)
    except RuleError:
        return None
    deductible_fen = 0
    steps = zip(layout.policy.steps[1:], plan.steps, strict=True)
    for step, planned in steps:
        if isinstance(step, DeductibleStep) and isinstance(planned, DeductiblePlan):
            due_fen = _due_fen(leg, planned)
            if due_fen is None:
                return None
            deductible_fen += 0 if step.as_first_self_pay else due_fen
    limits = _limits(leg, plan, asked=_asked_slots(layout, last), goes_on=bool(stay_id))
    return Outlook(deductible_fen, tuple(limits))


def _due_fen(leg: Leg, plan: DeductiblePlan) -> int | None:
    """Returns what a deductible still asks for; None where that depends on the bill."""
    amount = plan.amount
    if not isinstance(amount, int):
        return None
    if plan.held_slot is not None:
        amount = leg.window(plan.held_slot).get(plan.amount_key, amount)
    due_fen = max(amount - leg.window(plan.slot).get(plan.paid_key, 0), 0)
    return min(due_fen, leg.left(plan.limits)) if plan.limits else due_fen


def _limits(leg: Leg, plan: Plan, *, asked: set[int], goes_on: bool) -> Iterator[Limit]:
    """Yields the limits on what funds pay, each once for a step."""
    for step, planned in zip(leg.layout.policy.steps[1:], plan.steps, strict=True):
        if not isinstance(step, TiersStep) or not isinstance(planned, TiersPlan | DuePlan):
            continue
        if isinstance(step.payer, Bearer):
            continue
        fees = planned.fee_limits if isinstance(planned, TiersPlan) else ()
        for counter, limit_fen in (*planned.limits, *fees):
            window = counter.counter.window
            is_running = _is_running(window, goes_on=goes_on)
            if leg.can_open(counter.slot) and (not is_running or counter.slot in asked):
                yield Limit(
                    step.id,
                    step.payer,
                    step.title_zh,
                    window,
                    counter.counter.per,
                    is_running,
                    (counter, limit_fen) in fees,
                    limit_fen,
                    leg.left(((counter, limit_fen),)),
                )


def _is_running(window: Window, *, goes_on: bool) -> bool:
    return goes_on if window in _OF_STAYS else window is not Window.BILL


def _asked_slots(layout: Layout, last: LegSplit) -> set[int]:
    """Returns the windows of which a leg asked what earlier bills had left in them."""
    slots = {count.outer for count in layout.counts}
    for planned, record in zip(last.plan.steps, last.records[1:], strict=True):
        limits: tuple[tuple[CounterLayout, int], ...] = ()
        if isinstance(planned, DeductiblePlan | DuePlan):
            slots.add(planned.slot)
            limits = planned.limits
        elif isinstance(planned, TiersPlan) and _has_base(record):
            slots.add(planned.slot)
            limits = (*planned.limits, *planned.fee_limits)
        slots.update(counter.slot for counter, _ in limits)
    return slots


def _has_base(record: Record) -> bool:
    """Tells whether `tiers` had anything to pay on; else it asks nothing."""
    return isinstance(record, TiersRecord) and bool(record.base_fen or record.on_top_fen)
