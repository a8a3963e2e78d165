"""The trace: every step of a settlement with its numbers, for people.

Nothing of it is made while a bill is adjudicated: the records of the split hold the
numbers, and the texts are made here when somebody asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from yibao_common.values.money import share_half_up_fen, yuan
from yibao_settlement.rules.benefits import NOT_APPLIED
from yibao_settlement.rules.classify import RECORD_HEAD, RECORD_LINE
from yibao_settlement.rules.formulas import difference, percent, tiers_formula
from yibao_settlement.rules.policy import (
    BILL_NAMES,
    COST_PARTS,
    OWN_COST,
    AccountStep,
    ClassifyStep,
    DeductibleStep,
    Policy,
    PolicyStep,
    TiersStep,
)
from yibao_settlement.rules.split import Record, Split
from yibao_settlement.rules.tiers import NO_CAP


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
        if record == NOT_APPLIED:
            told, clause = _Told((), "does not apply", 0), step.clause
        else:
            told = _tell(policy, step, record, amounts)
            clause = step.rows[record[0]].clause
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
    if isinstance(step, ClassifyStep):
        amounts.update(zip(BILL_NAMES, record[1:RECORD_HEAD], strict=True))
        return _tell_classify(record)
    if isinstance(step, DeductibleStep):
        amounts[names[step.first]] = record[-1]
        return _tell_deductible(policy, step, record, amounts)
    if isinstance(step, AccountStep):
        return _tell_account(step, record)
    base, outputs = record[1], record[-4:]
    amounts.update(zip(names[step.first : step.first + 5], (base, *outputs), strict=True))
    return _tell_tiers(policy, step, record, amounts)


def _tell_classify(record: Record) -> _Told:
    _, total, excluded, over_limit, prepay, eligible = record[:RECORD_HEAD]
    sums: dict[int, tuple[int, int, int]] = {}
    for at in range(RECORD_HEAD, len(record), RECORD_LINE):
        _, _, ratio, amount, _, over, first = record[at : at + RECORD_LINE]
        if ratio not in (OWN_COST, 0):
            count, shared, paid = sums.get(ratio, (0, 0, 0))
            sums[ratio] = (count + 1, shared + amount - over, paid + first)
    parts = []
    for ratio, (count, shared, paid) in sorted(sums.items()):
        rounded = paid != share_half_up_fen(shared, ratio_ppm=ratio)
        note = f" (rounded on each of {count} lines)" if rounded else ""
        parts.append(f"{yuan(shared)} x {percent(ratio)} = {yuan(paid)}{note}")
    rest = difference([total], [excluded, over_limit, prepay])
    parts.append(f"{rest} = {yuan(eligible)}")
    amounts = (total, excluded, over_limit, prepay)
    inputs = tuple(map(NamedAmount, BILL_NAMES[:4], amounts))
    return _Told(inputs, "; ".join(parts), eligible)


def _tell_deductible(
    policy: Policy, step: DeductibleStep, record: Record, amounts: Mapping[str, int]
) -> _Told:
    row_index, base, used, cap, paid = record
    row = step.rows[row_index]
    terms = [difference([row.amount_fen], [used] if step.over_year else [])]
    if cap >= 0:
        terms.append(difference([cap], [used]))
    terms.append(yuan(base))
    formula = f"min({', '.join(terms)})"
    due = row.amount_fen - used if step.over_year else row.amount_fen
    if due < 0 or 0 <= cap < used:
        formula = f"max({formula}, 0.00)"
    inputs = _base_inputs(policy, step, amounts)
    if step.over_year or cap >= 0:
        inputs += (NamedAmount(step.accumulator, used),)
    return _Told(inputs, f"{formula} = {yuan(paid)}", paid)


def _tell_tiers(
    policy: Policy, step: TiersStep, record: Record, amounts: Mapping[str, int]
) -> _Told:
    _, _, deductible, before, _, used, _, paid, _, _ = record
    names = policy.amount_names
    inputs = _base_inputs(policy, step, amounts)
    if step.deductible is not None:
        inputs += (NamedAmount(names[step.deductible], deductible),)
    if step.over_year:
        inputs += (NamedAmount(step.base_accumulator, before),)
    if step.cap_over_year and used != NO_CAP:
        inputs += (NamedAmount(step.fund_accumulator, used),)
    formula = tiers_formula(
        step,
        record,
        add=[amounts[names[position]] for position in step.base.add],
        subtract=[amounts[names[position]] for position in step.base.subtract],
    )
    return _Told(inputs, formula, paid)


def _tell_account(step: AccountStep, record: Record) -> _Told:
    row_index, balance, *left, paid = record
    parts = step.rows[row_index].pays
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
