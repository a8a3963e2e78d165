"""The trace: every step of a settlement with its numbers, for people.

Nothing of it is made while a bill is adjudicated: the records of the split hold the
numbers, and the texts are made here when somebody asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from yibao_common.values.money import share_half_up_fen, yuan
from yibao_settlement.rules.policy.formulas import (
    DOES_NOT_APPLY,
    difference,
    percent,
    tiers_formula,
)
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.record import (
    NO_CAP,
    NOT_APPLIED,
    AccountRecord,
    ClassifyRecord,
    DeductibleRecord,
    NotApplied,
    Record,
    TiersRecord,
)
from yibao_settlement.rules.policy.split import Split
from yibao_settlement.rules.policy.step import (
    BILL_NAMES,
    COST_PARTS,
    OWN_COST,
    AccountStep,
    DeductibleStep,
    PolicyStep,
    TiersStep,
)


@dataclass(frozen=True, slots=True)
class NamedAmount:
    """An amount with the name that policies give it."""

    name: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class TraceNode:
    """One step of the calculation: enough to check any fen by hand."""

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


def explain(policy: Policy, split: Split) -> tuple[TraceNode, ...]:
    """Returns one node for each step of `policy`, in its order.

    `split` must be of this version of the policy.
    """
    assert len(split.records) == len(policy.steps)
    amounts = dict.fromkeys(policy.amount_names, 0)
    nodes: list[TraceNode] = []
    for step, record in zip(policy.steps, split.records, strict=True):
        told = _tell(policy, step, record, amounts)
        applied = record != NOT_APPLIED
        clause = step.rows[record.row_index].clause if applied else step.clause
        nodes.append(
            TraceNode(
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


def _tell(policy: Policy, step: PolicyStep, record: Record, amounts: dict[str, int]) -> _Told:
    """Tells of one step and adds to `amounts` what it leaves to later ones."""
    names = policy.amount_names
    match record:
        case NotApplied():
            return _Told((), DOES_NOT_APPLY, 0)
        case ClassifyRecord():
            amounts.update(zip(BILL_NAMES, record.sums[1:], strict=True))
            return _tell_classify(record)
        case DeductibleRecord():
            assert isinstance(step, DeductibleStep), step
            amounts[names[step.first]] = record.paid_fen
            return _tell_deductible(policy, step, record, amounts)
        case TiersRecord():
            assert isinstance(step, TiersStep), step
            left = names[step.first : step.first + len(step.leaves)]
            amounts.update(zip(left, record.left, strict=True))
            return _tell_tiers(policy, step, record, amounts)
        case AccountRecord():
            assert isinstance(step, AccountStep), step
            return _tell_account(step, record)
        case _:
            assert_never(record)


def _tell_classify(record: ClassifyRecord) -> _Told:
    sums = record.sums
    shares: dict[int, tuple[int, int, int]] = {}
    for line in record.lines():
        if line.ratio_ppm not in (OWN_COST, 0):
            count, shared, paid = shares.get(line.ratio_ppm, (0, 0, 0))
            shared += line.amount_fen - line.over_limit_fen
            shares[line.ratio_ppm] = (count + 1, shared, paid + line.first_self_pay_fen)
    parts = []
    for ratio, (count, shared, paid) in sorted(shares.items()):
        rounded = paid != share_half_up_fen(shared, ratio_ppm=ratio)
        note = f" (rounded on each of {count} lines)" if rounded else ""
        parts.append(f"{yuan(shared)} x {percent(ratio)} = {yuan(paid)}{note}")
    own = (sums.excluded_fen, sums.over_limit_fen, sums.first_self_pay_fen)
    parts.append(f"{difference([sums.total_fen], own)} = {yuan(sums.eligible_fen)}")
    inputs = tuple(map(NamedAmount, BILL_NAMES[:4], (sums.total_fen, *own)))
    return _Told(inputs, "; ".join(parts), sums.eligible_fen)


def _tell_deductible(
    policy: Policy, step: DeductibleStep, record: DeductibleRecord, amounts: Mapping[str, int]
) -> _Told:
    row, used, cap = step.rows[record.row_index], record.used_fen, record.annual_cap_fen
    terms = [difference([row.amount_fen], [used] if step.over_year else [])]
    if cap != NO_CAP:
        terms.append(difference([cap], [used]))
    terms.append(yuan(record.base_fen))
    formula = f"min({', '.join(terms)})"
    due = row.amount_fen - used if step.over_year else row.amount_fen
    if due < 0 or (cap != NO_CAP and cap < used):
        formula = f"max({formula}, 0.00)"
    inputs = _base_inputs(policy, step, amounts)
    if step.over_year or cap != NO_CAP:
        inputs += (NamedAmount(step.accumulator, used),)
    return _Told(inputs, f"{formula} = {yuan(record.paid_fen)}", record.paid_fen)


def _tell_tiers(
    policy: Policy, step: TiersStep, record: TiersRecord, amounts: Mapping[str, int]
) -> _Told:
    names = policy.amount_names
    inputs = _base_inputs(policy, step, amounts)
    if step.deductible is not None:
        inputs += (NamedAmount(names[step.deductible], record.deductible_fen),)
    if step.over_year:
        inputs += (NamedAmount(step.base_accumulator, record.before_fen),)
    if step.cap_over_year and record.used_fen != NO_CAP:
        inputs += (NamedAmount(step.fund_accumulator, record.used_fen),)
    formula = tiers_formula(
        step,
        record,
        add=[amounts[names[position]] for position in step.base.add],
        subtract=[amounts[names[position]] for position in step.base.subtract],
    )
    return _Told(inputs, formula, record.paid_fen)


def _tell_account(step: AccountStep, record: AccountRecord) -> _Told:
    left, balance, paid = record.left, record.balance_fen, record.paid_fen
    parts = step.rows[record.row_index].pays
    payable = difference([left[part] for part in parts], []) if parts else yuan(0)
    inputs = tuple(NamedAmount(COST_PARTS[part], left[part]) for part in parts)
    inputs += (NamedAmount("balance", balance),)
    return _Told(inputs, f"min({payable}, {yuan(balance)}) = {yuan(paid)}", paid)


def _base_inputs(
    policy: Policy, step: DeductibleStep | TiersStep, amounts: Mapping[str, int]
) -> tuple[NamedAmount, ...]:
    positions = (*step.base.add, *step.base.subtract)
    names = [policy.amount_names[position] for position in positions]
    return tuple(NamedAmount(name, amounts[name]) for name in names)
