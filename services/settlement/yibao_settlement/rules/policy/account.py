"""Step `account`: what the personal account (个人账户) pays of the personal cost.

Funds relieve the person of the copay first, then of the deductible, the first self-pay
share, the part above price ceilings and full own cost; the account may pay of what is
left in the parts that the policy names, up to its balance.
"""

from yibao_settlement.rules.policy.record import AccountRecord
from yibao_settlement.rules.policy.step import (
    ELIGIBLE,
    EXCLUDED,
    OVER_LIMIT,
    PREPAY,
    AccountStep,
)
from yibao_settlement.rules.policy.work_sheet import WorkSheet


def pay_from_account(
    step: AccountStep, row_index: int, *, balance_fen: int, work: WorkSheet
) -> AccountRecord:
    """Finds what the account pays; `balance_fen` is zero where it is not to be used."""
    pays = step.rows[row_index].pays
    left = _personal_parts(work)
    payable = sum([left[part] for part in pays])
    return AccountRecord._make((row_index, balance_fen, *left, min(payable, balance_fen)))


def _personal_parts(work: WorkSheet) -> tuple[int, ...]:
    """Returns what the person bears of each of COST_PARTS after all funds, in fen."""
    amounts = work.amounts
    deductible = min(work.deductible_fen, amounts[ELIGIBLE])
    parts = (
        amounts[ELIGIBLE] - deductible,
        deductible,
        amounts[PREPAY],
        amounts[OVER_LIMIT],
        amounts[EXCLUDED],
    )
    relieved = sum([payment.amount_fen for payment in work.payments])
    left: list[int] = []
    for part in parts:
        off = min(part, relieved)
        left.append(part - off)
        relieved -= off
    return tuple(left)
