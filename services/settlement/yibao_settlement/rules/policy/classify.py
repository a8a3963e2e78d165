"""Step `classify`: which part of each line is in the policy's scope.

Class C is full own cost, whatever its price, and so is a line that no fund may pay for, as
of a day without cover. Of the other classes, what exceeds the
price ceiling is own cost (T-07), and of the rest the person first bears a share, the
item's own or else the class's, rounded half up to fen on each line.
"""

from collections.abc import Sequence

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.money import share_half_up_fen
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.policy.record import ClassifyRecord
from yibao_settlement.rules.policy.split import PricedLine, SplitLine
from yibao_settlement.rules.policy.step import (
    BY_ITEM,
    ELIGIBLE,
    EXCLUDED,
    OVER_LIMIT,
    OWN_COST,
    PREPAY,
    TOTAL,
    ClassifyStep,
)
from yibao_settlement.rules.policy.work_sheet import WorkSheet

# Catalogue classes A, B and C as numbers, for records.
_CLASSES = {"01": 1, "02": 2, "03": 3}


def classify_lines(
    step: ClassifyStep, row_index: int, *, lines: Sequence[PricedLine], work: WorkSheet
) -> tuple[tuple[SplitLine, ...], ClassifyRecord]:
    """Splits the lines and opens the work sheet with their sums."""
    shares = step.rows[row_index].prepay_ppm
    split: list[SplitLine] = []
    # The record's numbers, flat at once, because they are most of what a bill makes: the
    # row, room for the sums, then each line's.
    told = [row_index, 0, 0, 0, 0, 0]
    total = excluded = over_limit = prepay = 0
    for line in lines:
        amount, over, catalogue_class = line.amount_fen, line.over_limit_fen, line.catalogue_class
        if not 0 <= over <= amount:
            raise InvariantError(f"{over} of {amount} fen are above the price ceiling")
        share = shares.get(catalogue_class)
        if share is None:
            raise _no_share(step, line)
        if share == OWN_COST or line.own_cost:
            own, over, first, ratio = amount, 0, 0, OWN_COST
        else:
            own = 0
            ratio = (
                share if line.first_self_pay_ratio_ppm is None else line.first_self_pay_ratio_ppm
            )
            if ratio == BY_ITEM:
                raise _no_share(step, line)
            first = share_half_up_fen(amount - over, ratio_ppm=ratio) if ratio else 0
        number, eligible = line.line_number, amount - own - over - first
        split.append(
            SplitLine(
                *(number, line.item_code, catalogue_class, amount, own, over, first, eligible),
                *(line.first_self_pay_ratio_ppm, line.unit_price, line.quantity),
            )
        )
        told += (number, _CLASSES[catalogue_class], ratio, amount, own, over, first)
        total += amount
        excluded += own
        over_limit += over
        prepay += first
    eligible = total - excluded - over_limit - prepay
    amounts = work.amounts
    amounts[TOTAL], amounts[EXCLUDED], amounts[OVER_LIMIT] = total, excluded, over_limit
    amounts[PREPAY], amounts[ELIGIBLE] = prepay, eligible
    work.unpaid_fen = total
    told[1:6] = total, excluded, over_limit, prepay, eligible
    return tuple(split), ClassifyRecord(told)


def _no_share(step: ClassifyStep, line: PricedLine) -> RuleError:
    key = f"catalogue_class={line.catalogue_class}"
    return RuleError(
        Reason.POLICY_NO_MATCHING_ROW,
        f"step {step.id} has no share for {key}, nor has the item of line {line.line_number}",
        step_id=step.id,
        key=key,
        line_number=line.line_number,
    )
