"""How funds came to what they pay, the year, and the next bill, read out of a calculation.

All that a statement must know of the steps of a policy is here.
"""

from collections.abc import Iterator, Mapping

from yibao_common.values.errors import RuleError
from yibao_common.values.money import share_half_up_fen
from yibao_settlement.rules.account import Accumulators, accumulate
from yibao_settlement.rules.policy.formulas import pieces_of
from yibao_settlement.rules.policy.plan import plan_bill
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.record import DeductibleRecord, TiersRecord
from yibao_settlement.rules.policy.split import Facts, Split
from yibao_settlement.rules.policy.step import Axis, DeductibleStep, TiersStep
from yibao_settlement.rules.policy.tables import COUNT
from yibao_settlement.rules.statement.labels import counted_zh, fund_zh
from yibao_settlement.rules.statement.statement import (
    DeductibleLine,
    FundLine,
    LimitLeft,
    NextBill,
    Overflow,
    Share,
    YearLine,
)


def fund_lines(policy: Policy, split: Split) -> tuple[FundLine, ...]:
    """Returns what each fund pays, in the policy's order and by the policy's names."""
    titles = {step.id: step.title_zh for step in policy.steps}
    return tuple(
        FundLine(each.step_id, each.fund_type, titles[each.step_id], each.base_fen, each.amount_fen)
        for each in split.fund_payments
    )


def shares(policy: Policy, split: Split) -> tuple[Share, ...]:
    """Returns the stretches that funds paid on; none where there was nothing to pay on."""
    return tuple(
        share
        for step, record in zip(policy.steps, split.records, strict=True)
        if isinstance(step, TiersStep) and isinstance(record, TiersRecord)
        for share in _shares_of(step, record)
    )


def _shares_of(step: TiersStep, record: TiersRecord) -> Iterator[Share]:
    covered_fen = record.paid_fen + record.copay_fen
    if not covered_fen:
        return
    row = step.rows[record.row_index]
    shift = row.threshold_fen if step.axis is Axis.ABOVE_THRESHOLD else 0
    start = record.before_fen + record.below_fen
    pieces = pieces_of(row, step.axis, start=start, end=start + covered_fen)
    plain = [
        share_half_up_fen(each.high_fen - each.low_fen, ratio_ppm=each.ratio_ppm) for each in pieces
    ]
    whole = Share(
        step_id=step.id,
        fund_type=step.fund_type,
        name_zh=step.title_zh,
        low_fen=None,
        high_fen=None,
        base_fen=covered_fen,
        ratio_ppm=None,
        paid_fen=record.paid_fen,
    )
    length_fen = sum(each.high_fen - each.low_fen for each in pieces)
    if sum(plain) != record.paid_fen or length_fen != covered_fen:
        yield whole
    elif len(pieces) == 1:
        yield whole._replace(ratio_ppm=pieces[0].ratio_ppm)
    else:
        for piece, paid_fen in zip(pieces, plain, strict=True):
            yield whole._replace(
                low_fen=piece.low_fen - shift,
                high_fen=piece.high_fen - shift,
                base_fen=piece.high_fen - piece.low_fen,
                ratio_ppm=piece.ratio_ppm,
                paid_fen=paid_fen,
            )


def overflows(policy: Policy, split: Split) -> tuple[Overflow, ...]:
    """Returns what lay above the limits of funds."""
    return tuple(
        Overflow(step.id, step.fund_type, step.title_zh, record.overflow_fen)
        for step, record in zip(policy.steps, split.records, strict=True)
        if isinstance(step, TiersStep) and isinstance(record, TiersRecord) and record.overflow_fen
    )


def deductible_lines(policy: Policy, split: Split) -> tuple[DeductibleLine, ...]:
    """Returns the deductibles that held for the bill."""
    return tuple(
        DeductibleLine(
            step.id,
            step.rows[record.row_index].amount_fen,
            record.used_fen if step.over_year else 0,
            record.paid_fen,
            step.over_year,
        )
        for step, record in zip(policy.steps, split.records, strict=True)
        if isinstance(step, DeductibleStep) and isinstance(record, DeductibleRecord)
    )


def year_lines(policy: Policy, before: Accumulators, added: Accumulators) -> tuple[YearLine, ...]:
    """Returns the year before this time beside this time, in the order of the policy's steps."""
    names = _names(policy)
    known = [name for name in names if name in before or name in added]
    return tuple(
        YearLine(name, names[name], before.get(name, 0), added.get(name, 0), name.startswith(COUNT))
        for name in known
    )


def _names(policy: Policy) -> dict[str, str]:
    """Returns what accumulators are called; those that only the engine reads are left out."""
    names = {COUNT + group: counted_zh(group) for group in policy.counted_groups}
    for step in policy.steps:
        if isinstance(step, DeductibleStep):
            names.setdefault(step.accumulator, "起付标准已付")
        elif isinstance(step, TiersStep):
            fund = step.fund_accumulator
            # What several steps draw on bears the name of none of them.
            names[fund] = fund_zh(step.fund_type) if fund in names else step.title_zh
    return names


def next_bill(
    policy: Policy, facts: Facts, before: Accumulators, added: Accumulators
) -> NextBill | None:
    """Returns what the next bill with the same facts bears; None where no row holds for it."""
    year = accumulate(before, added.items())
    try:
        plan = plan_bill(policy, facts, year)
    except RuleError:
        return None
    deductible_fen, limits = 0, []
    for step, row_index in zip(policy.steps, plan.rows, strict=True):
        if row_index is None:
            continue
        if isinstance(step, DeductibleStep):
            deductible_fen += _due_fen(step, row_index, year)
        elif isinstance(step, TiersStep):
            limit_fen = step.rows[row_index].cap_fen
            if limit_fen is not None:
                limits.append(_limit(step, limit_fen, year))
    return NextBill(deductible_fen, tuple(limits))


def _limit(step: TiersStep, limit_fen: int, year: Mapping[str, int]) -> LimitLeft:
    found = LimitLeft(step.id, step.fund_type, step.title_zh, limit_fen, limit_fen)
    if not step.cap_over_year:
        return found._replace(window="bill", is_running=False)
    return found._replace(left_fen=max(limit_fen - year.get(step.fund_accumulator, 0), 0))


def _due_fen(step: DeductibleStep, row_index: int, year: Mapping[str, int]) -> int:
    row, used_fen = step.rows[row_index], year.get(step.accumulator, 0)
    due_fen = row.amount_fen - used_fen if step.over_year else row.amount_fen
    if row.annual_cap_fen is not None:
        due_fen = min(due_fen, row.annual_cap_fen - used_fen)
    return max(due_fen, 0)
