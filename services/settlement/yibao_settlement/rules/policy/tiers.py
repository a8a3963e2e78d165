"""Step `tiers`: a fund pays shares of a base, bracket by bracket.

The base of this bill occupies a stretch of the fee axis: from zero, or, where the
brackets run over the year, from where the year's earlier bills ended. A deductible eats
the lower end of the stretch. What lies below the first bracket is `below`, what lies
above the last bracket or above the fee at which the cap is reached is `overflow`, and
of the rest the fund pays `paid` and the person `copay`.

A payment is rounded half up once. Over the year the rounding is of the year's payment,
from which earlier payments are taken, so that two bills pay what one would have paid.
"""

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.money import PPM
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.policy.brackets import round_exact_fen
from yibao_settlement.rules.policy.record import NO_CAP, TiersRecord
from yibao_settlement.rules.policy.split import FundPayment
from yibao_settlement.rules.policy.step import TiersRow, TiersStep
from yibao_settlement.rules.policy.work_sheet import WorkSheet


def pay_tiers(step: TiersStep, row_index: int, *, work: WorkSheet) -> TiersRecord:
    """Finds what the fund pays of this bill. Raises RuleError POLICY_PAYS_TWICE."""
    row = step.rows[row_index]
    curve = row.curve
    base = work.sum_of(step.base)
    deductible = 0 if step.deductible is None else min(work.amounts[step.deductible], base)
    before = work.used(step.base_accumulator) if step.over_year else 0
    start, end = before + deductible, before + base
    floor = max(start, min(end, curve.starts[0]))
    exact_start = curve.exact(start)
    earlier = _exact_earlier(step, row, before=before, work=work) if before else 0
    rounded_earlier = round_exact_fen(earlier) if earlier else 0
    paid = round_exact_fen(earlier + curve.exact(end) - exact_start) - rounded_earlier
    reached = end if curve.top_fen is None else min(end, curve.top_fen)
    used = NO_CAP
    if row.cap_fen is not None:
        used = work.used(step.fund_accumulator) if step.cap_over_year else 0
        left = max(row.cap_fen - used, 0)
        if paid >= left:
            paid = left
            if left == 0 and rounded_earlier != used:
                reached = start
            else:
                at_cap = exact_start + (rounded_earlier + left) * PPM - earlier
                reached = min(reached, curve.fee_at(at_cap, low_fen=start, high_fen=end))
    reached = max(reached, floor)
    below, copay, overflow = floor - before, reached - floor - paid, end - reached
    if copay < 0:
        raise InvariantError(f"step {step.id} pays {paid} fen of {reached - floor}")
    if reached - floor > work.unpaid_fen:
        raise _paid_twice(step, payable_fen=reached - floor, unpaid_fen=work.unpaid_fen)
    first = step.first
    work.amounts[first : first + 5] = (base, below, paid, copay, overflow)
    work.unpaid_fen -= paid
    work.payments.append(FundPayment(step.fund_type, step.id, base, paid))
    work.use(step.fund_accumulator, paid)
    if step.over_year:
        work.use(step.base_accumulator, base)
    carried = earlier % PPM
    # By position, in the order of the record's fields: keywords take five times as long.
    found = (row_index, base, deductible, before, carried, used, below, paid, copay, overflow)
    return TiersRecord(*found)


def _exact_earlier(step: TiersStep, row: TiersRow, *, before: int, work: WorkSheet) -> int:
    """Returns what the year's earlier bills were paid, in ppm of a fen, for rounding.

    A deductible of the year lies at the lower end of the year's fee. It may have been paid
    on fees that are not of this step's base; then it ate at most the whole base, and earlier
    bills were paid nothing, never less. With one of each bill the payments of a year do not
    join up, and each is rounded by itself.
    """
    if step.deductible is None:
        return row.curve.exact(before)
    if step.deductible_accumulator is None:
        return 0
    deducted = min(work.year.get(step.deductible_accumulator, 0), before)
    return row.curve.exact(before) - row.curve.exact(deducted)


def _paid_twice(step: TiersStep, *, payable_fen: int, unpaid_fen: int) -> RuleError:
    """Makes the refusal of a bill of which a policy would pay a part a second time."""
    return RuleError(
        Reason.POLICY_PAYS_TWICE,
        f"step {step.id} would pay on {payable_fen} fen, but only {unpaid_fen} fen of the bill "
        "are unpaid; its base must leave out what earlier steps paid",
        step_id=step.id,
        payable_fen=payable_fen,
        unpaid_fen=unpaid_fen,
    )
