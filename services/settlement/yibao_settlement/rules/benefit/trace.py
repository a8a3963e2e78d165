"""The trace: every step of an adjudication with its numbers, for people.

Nothing of it is made while a bill is adjudicated: the records hold the numbers, and texts
are made here when somebody asks. Whoever adjudicates the stored bill again, with the stored
memory and version, gets the same records: their digest shows it.
"""

import itertools
from dataclasses import dataclass

from yibao_settlement.rules.benefit.deductible import DeductiblePlan, Share
from yibao_settlement.rules.benefit.due import DuePlan
from yibao_settlement.rules.benefit.formulas import (
    classify_formula,
    deductible_formula,
    due_formula,
    paid_formula,
    tiers_formula,
)
from yibao_settlement.rules.benefit.names import PARTS, TOTAL
from yibao_settlement.rules.benefit.plan import StepPlan
from yibao_settlement.rules.benefit.record import (
    NO_LIMIT,
    NOT_APPLIED,
    ClassifyRecord,
    DeductibleRecord,
    DueRecord,
    PaidRecord,
    Record,
    TiersRecord,
    trace_digest,
)
from yibao_settlement.rules.benefit.split import LegSplit, Split
from yibao_settlement.rules.benefit.steps import (
    AccountStep,
    AnyStep,
    ClassifyStep,
    DeductibleStep,
    GivenStep,
    TiersStep,
)
from yibao_settlement.rules.benefit.tiers import TiersPlan
from yibao_settlement.rules.policy.formulas import DOES_NOT_APPLY


@dataclass(frozen=True, slots=True)
class NamedAmount:
    """An amount with the name that policies give it."""

    name: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class TraceNode:
    """One step of one leg: enough to check any fen by hand.

    `leg` counts from 0; figures by line and by group point here by step id. `clause` is that
    of the row which held, else the step's.
    """

    leg: int
    step_id: str
    title: str
    title_zh: str
    clause: str
    inputs: tuple[NamedAmount, ...]
    formula: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class _Told:
    """What is particular to the node of a step."""

    inputs: tuple[NamedAmount, ...]
    formula: str
    amount_fen: int


def explain(split: Split) -> tuple[TraceNode, ...]:
    """Returns a node for each step of the policy in each leg, in their order."""
    steps = split.layout.policy.steps
    nodes: list[TraceNode] = []
    for number, leg in enumerate(split.legs):
        plans: tuple[StepPlan | None, ...] = (None, *leg.plan.steps)
        for step, plan, record in zip(steps, plans, leg.records, strict=True):
            told = _tell(step, plan, record, leg)
            clause = step.clause
            if record != NOT_APPLIED and isinstance(
                step, ClassifyStep | DeductibleStep | TiersStep
            ):
                clause = step.table.rows[record[0]].clause
            nodes.append(
                TraceNode(
                    leg=number,
                    step_id=step.id,
                    title=step.title,
                    title_zh=step.title_zh,
                    clause=clause,
                    inputs=told.inputs,
                    formula=told.formula,
                    amount_fen=told.amount_fen,
                )
            )
    return tuple(nodes)


def trace_sha256(split: Split) -> bytes:
    """Returns the SHA-256 that stands for the trace: version, steps, lines and records."""
    numbers = [(*leg.parts, *leg.records) for leg in split.legs]
    return trace_digest(split.layout.trace_prefix, itertools.chain.from_iterable(numbers))


def _tell(step: AnyStep, plan: StepPlan | None, record: Record, leg: LegSplit) -> _Told:
    match step, plan, record:
        case ClassifyStep(), _, ClassifyRecord():
            return _tell_classify(record, leg)
        case DeductibleStep(), DeductiblePlan(), DeductibleRecord():
            part = plan.amount.part if isinstance(plan.amount, Share) else None
            inputs = _inputs(step.base, record.base_fen)
            if record.earlier_fen:
                inputs += (NamedAmount(plan.paid_key, record.earlier_fen),)
            inputs += _left(plan.limits_names(), record.left_fen)
            return _Told(inputs, deductible_formula(record, part), record.paid_fen)
        case TiersStep(), TiersPlan(), TiersRecord():
            formula = tiers_formula(record, plan.curve, step.rounding)
            return _Told(_tiers_inputs(step, plan, record), formula, record.paid_fen)
        case TiersStep(), DuePlan(), DueRecord():
            inputs = _inputs(step.base, record.base_fen)
            inputs += (NamedAmount(plan.before_key, record.fee_fen),)
            inputs += _left(plan.limits_names(), record.left_fen)
            formula = due_formula(record, plan.curve, step.rounding)
            return _Told(inputs, formula, record.paid_fen)
        case GivenStep() | AccountStep(), _, PaidRecord():
            inputs = _inputs(step.base, record.base_fen)
            return _Told(inputs, paid_formula(record), record.paid_fen)
        case _:
            return _Told((), DOES_NOT_APPLY, 0)


def _tiers_inputs(step: TiersStep, plan: TiersPlan, record: TiersRecord) -> tuple[NamedAmount, ...]:
    inputs = _inputs(step.base, record.base_fen)
    if record.before_fen:
        inputs += (NamedAmount(plan.before_key, record.before_fen),)
    if step.on_top_of:
        inputs += (NamedAmount(" + ".join(step.on_top_of), record.on_top_fen),)
    inputs += _left(plan.fee_limits_names(), record.fee_left_fen)
    return inputs + _left(plan.limits_names(), record.left_fen)


def _inputs(base: tuple[str, ...], base_fen: int) -> tuple[NamedAmount, ...]:
    return (NamedAmount(" + ".join(base), base_fen),)


def _left(counters: tuple[str, ...], left_fen: int) -> tuple[NamedAmount, ...]:
    """Returns what counters leave, as an input; nothing where there is no limit."""
    if left_fen == NO_LIMIT:
        return ()
    return (NamedAmount(f"left of {', '.join(counters)}", left_fen),)


def _tell_classify(record: ClassifyRecord, leg: LegSplit) -> _Told:
    by_ratio = sorted((ratio, parts) for _, ratio, *parts in leg.parts if ratio > 0)
    shares = []
    for ratio, group in itertools.groupby(by_ratio, key=lambda each: each[0]):
        lines = [parts for _, parts in group]
        shared = sum(eligible + first for eligible, first, *_ in lines)
        shares.append((ratio, len(lines), shared, sum(first for _, first, *_ in lines)))
    sums = record[1:]
    _, first_self_pay, over_limit, excluded = PARTS
    names = (TOTAL, excluded, over_limit, first_self_pay)
    inputs = tuple(itertools.starmap(NamedAmount, zip(names, sums, strict=False)))
    return _Told(inputs, classify_formula(shares, sums), record.eligible_fen)
