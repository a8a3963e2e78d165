"""Step `classify`: which part of each line is in the policy's scope.

Of a line outside cover, or of own cost, all is excluded. Of others, what exceeds the price
ceiling is the person's (T-07), and of the rest the person first bears a share, the item's
own or else the class's, half up to fen on each line; what remains is eligible.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.money import PPM
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.benefit.bill import BillLine, CoverPeriod
from yibao_settlement.rules.benefit.layout import Layout
from yibao_settlement.rules.benefit.lots import Lot
from yibao_settlement.rules.benefit.record import ClassifyRecord
from yibao_settlement.rules.benefit.steps import BY_ITEM, OWN_COST, SharesRow

# A line as it was split: position of its group, its share or OWN_COST, and the amounts
# eligible, first self-pay, over limit and excluded. Plain, since a bill has thousands.
LineParts = tuple[int, int, int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class ClassifyPlan:
    """The row that holds."""

    layout: Layout
    step_id: str
    row_index: int
    row: SharesRow
    refuses_out_of_cover: bool

    def split(
        self, lines: Sequence[BillLine], *, day: dt.date, cover: tuple[CoverPeriod, ...] | None
    ) -> list[LineParts]:
        """Splits lines; one without a date is of `day`.

        Raises RuleError LINE_OUT_OF_COVER, POLICY_NO_MATCHING_ROW.
        """
        shares, as_attested = self.row.shares, self.row.as_attested
        grouped = len(self.layout.groups) > 1
        parts: list[LineParts] = []
        for line in lines:
            _, amount, code, charged, own_ratio, over, item_group, attested, own_cost = line
            if as_attested and attested is not None:
                code, own_ratio, over = attested
            assert code is not None
            if not 0 <= over <= amount:
                raise InvariantError(f"{over} of {amount} fen are above the price ceiling")
            ratio = shares.get(code)
            if ratio is None:
                raise self._no_share(line, code)
            group = self._group(code, item_group) if grouped else 0
            if cover is not None and not self._covered(line, charged or day, cover):
                ratio = OWN_COST
            if own_cost:
                ratio = OWN_COST
            if ratio == OWN_COST:
                parts.append((group, OWN_COST, 0, 0, 0, amount))
                continue
            if own_ratio is not None:
                ratio = own_ratio
            if ratio == BY_ITEM:
                raise self._no_share(line, code)
            first = (2 * (amount - over) * ratio + PPM) // (2 * PPM) if ratio else 0
            parts.append((group, ratio, amount - over - first, first, over, 0))
        return parts

    def _group(self, code: str, item_group: str | None) -> int:
        groups = self.layout.policy.line_groups
        for position, group in enumerate(groups):
            if group.holds(code, item_group):
                return position
        return len(groups)

    def _covered(self, line: BillLine, day: dt.date, cover: Sequence[CoverPeriod]) -> bool:
        for start_date, end_date in cover:
            if start_date <= day and (end_date is None or day <= end_date):
                return True
        if self.refuses_out_of_cover:
            raise RuleError(
                Reason.LINE_OUT_OF_COVER,
                f"line {line.line_id} of {day} is not covered",
                line_id=line.line_id,
                date=str(day),
            )
        return False

    def _no_share(self, line: BillLine, code: str) -> RuleError:
        key = f"catalogue_class={code}"
        return RuleError(
            Reason.POLICY_NO_MATCHING_ROW,
            f"step {self.step_id} has no share for {key}, nor has the item of line {line.line_id}",
            step_id=self.step_id,
            key=key,
            line_id=line.line_id,
        )

    def open_lots(
        self, parts: Sequence[LineParts], amounts: list[int]
    ) -> tuple[list[Lot], ClassifyRecord]:
        """Writes the sums of lines to `amounts`; returns them as lots in the order of PARTS."""
        count = len(self.layout.groups)
        if count == 1 and parts:
            _, _, *columns = zip(*parts, strict=True)
            sums = eligible, first, over, excluded = list(map(sum, columns))
        else:
            sums = _sums_by_group(parts, count)
            eligible, first, over, excluded = (
                sum(sums[at : at + count]) for at in range(0, 4 * count, count)
            )
        lots = [Lot(fen, 1 << kind) for kind, fen in enumerate(sums) if fen]
        total = eligible + first + over + excluded
        amounts[: 5 + 4 * count] = (total, eligible, first, over, excluded, *sums)
        record = ClassifyRecord(self.row_index, total, excluded, over, first, eligible)
        return lots, record


def _sums_by_group(parts: Sequence[LineParts], count: int) -> list[int]:
    """Returns the sums of each of `count` groups: eligible, first self-pay and so on."""
    sums = [0] * (4 * count)
    for group, _, eligible, first, over, excluded in parts:
        sums[group] += eligible
        if first:
            sums[count + group] += first
        if over:
            sums[2 * count + group] += over
        if excluded:
            sums[3 * count + group] += excluded
    return sums
