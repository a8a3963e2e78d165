"""What the next bill with the same facts bears first, and what is left of the year's limits."""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_settlement.rules.benefit.adjudicate import find_leg_plan, new_leg
from yibao_settlement.rules.benefit.deductible import DeductiblePlan
from yibao_settlement.rules.benefit.due import DuePlan
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.layout import Layout
from yibao_settlement.rules.benefit.leg import Leg
from yibao_settlement.rules.benefit.memory import Memory
from yibao_settlement.rules.benefit.plan import Plan
from yibao_settlement.rules.benefit.steps import Bearer, DeductibleStep, TiersStep
from yibao_settlement.rules.benefit.tiers import TiersPlan
from yibao_settlement.rules.benefit.windows import Window

# The visit of a bill that is still to come.
_NEXT_VISIT = "next"


class YearLimit(NamedTuple):
    """The most that a fund's step pays in the year, and what is left of it, in fen."""

    step_id: str
    fund_type: str
    title_zh: str
    limit_fen: int
    left_fen: int


class Outlook(NamedTuple):
    """The deductibles of the next bill, of a visit of its own, and the limits."""

    deductible_fen: int
    limits: tuple[YearLimit, ...]


def outlook_of(
    layout: Layout, facts: Facts, memory: Memory, *, day: dt.date, year: int
) -> Outlook | None:
    """Returns what is to come on a day, in a year; `memory` is that behind the last bill.

    None where no row holds, or where a deductible is a share of the bill.
    """
    leg = new_leg(layout, memory, facts, stay_id=_NEXT_VISIT, day=day, year=year)
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
    return Outlook(deductible_fen, tuple(_limits(leg, plan)))


def _due_fen(leg: Leg, plan: DeductiblePlan) -> int | None:
    """Returns what a deductible still asks for; None where that depends on the bill."""
    amount = plan.amount
    if not isinstance(amount, int):
        return None
    if plan.held_slot is not None:
        amount = leg.window(plan.held_slot).get(plan.amount_key, amount)
    due_fen = max(amount - leg.window(plan.slot).get(plan.paid_key, 0), 0)
    return min(due_fen, leg.left(plan.limits)) if plan.limits else due_fen


def _limits(leg: Leg, plan: Plan) -> Iterator[YearLimit]:
    """Yields the limits of the year on what funds pay, but for those of one disease or place."""
    for step, planned in zip(leg.layout.policy.steps[1:], plan.steps, strict=True):
        if not isinstance(step, TiersStep) or not isinstance(planned, TiersPlan | DuePlan):
            continue
        if isinstance(step.payer, Bearer):
            continue
        for counter, limit_fen in planned.limits:
            if counter.counter.window is Window.YEAR and not counter.counter.per:
                left_fen = leg.left(((counter, limit_fen),))
                yield YearLimit(step.id, step.payer, step.title_zh, limit_fen, left_fen)
