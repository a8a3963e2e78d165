"""Step `deductible` (起付线): what the person pays before funds pay.

Of the year, earlier bills have used up part of it; of each bill, it starts anew, but a
row may limit what a year's bills pay together.
"""

from yibao_settlement.rules.policy.record import NO_CAP, DeductibleRecord
from yibao_settlement.rules.policy.step import DeductibleStep
from yibao_settlement.rules.policy.work_sheet import WorkSheet


def charge_deductible(step: DeductibleStep, row_index: int, *, work: WorkSheet) -> DeductibleRecord:
    """Finds what this bill pays of the deductible."""
    row = step.rows[row_index]
    base = work.sum_of(step.base)
    used = work.used(step.accumulator)
    due = row.amount_fen - used if step.over_year else row.amount_fen
    cap = row.annual_cap_fen
    if cap is not None:
        due = min(due, cap - used)
    paid = max(min(due, base), 0)
    work.amounts[step.first] = paid
    work.deductible_fen += paid
    work.use(step.accumulator, paid)
    return DeductibleRecord(row_index, base, used, NO_CAP if cap is None else cap, paid)
