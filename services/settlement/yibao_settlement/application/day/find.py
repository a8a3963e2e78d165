"""What an institution did on a day: told in sums, and compared with what it has itself."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.change import told_before
from yibao_settlement.application.day.compared import ComparedPart, DayPart, compare_part
from yibao_settlement.application.day.rows import DaySum
from yibao_settlement.rules.day.act import DayAmounts, DaySpan, span_of
from yibao_settlement.rules.day.clearing_type import clearing_type_of

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


class ClearingSum(NamedTuple):
    """What acts of an insurance type and a clearing type come to; see `DaySum`."""

    insurance_type: str
    clearing_type: str
    counts: tuple[int, int, int, int]
    amounts: DayAmounts
    funds: dict[str, int]
    family_fen: int = 0

    def plus(self, other: "ClearingSum | DaySum") -> "ClearingSum":
        """Returns it with what others come to."""
        funds = dict(self.funds)
        for fund_type, amount_fen in other.funds.items():
            funds[fund_type] = funds.get(fund_type, 0) + amount_fen
        one, two, three, four = (a + b for a, b in zip(self.counts, other.counts, strict=True))
        return self._replace(
            counts=(one, two, three, four),
            amounts=self.amounts.plus(other.amounts),
            funds=funds,
            family_fen=self.family_fen + other.family_fen,
        )


class DayTotals(NamedTuple):
    """What a day's acts before a snapshot come to, by types in their order, and together."""

    snapshot_time: dt.datetime
    sums: Sequence[ClearingSum]
    total: ClearingSum


class Days:
    """Reads the acts of days. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what is read of, and the clock by which acts are done."""
        self._transactions = transactions
        self._clock = clock

    def totals(
        self, region: str, institution_id: str, day: dt.date, snapshot_time: dt.datetime | None
    ) -> DayTotals:
        """Returns what the acts of a day come to.

        Raises RuleError FIELD_OUT_OF_RANGE where the snapshot cannot be told yet.
        """
        snapshot_time = self.snapshot(snapshot_time)
        return self.totals_of(region, institution_id, span_of(day, snapshot_time), snapshot_time)

    def totals_of(
        self, region: str, institution_id: str, span: DaySpan, snapshot_time: dt.datetime
    ) -> DayTotals:
        """Returns what the acts of a span, which ends before a snapshot, come to."""
        with self._transactions.read(region) as work:
            found = work.days.sums(institution_id, span)
        sums: dict[tuple[str, str], ClearingSum] = {}
        total = _nothing("", "")
        for each in found:
            key = each.insurance_type, clearing_type_of(each.care_type)
            sums[key] = sums.get(key, _nothing(*key)).plus(each)
            total = total.plus(each)
        return DayTotals(snapshot_time, [sums[key] for key in sorted(sums)], total)

    def compare(
        self, region: str, institution_id: str, part: DayPart, snapshot_time: dt.datetime | None
    ) -> ComparedPart:
        """Returns how a part of a day differs.

        Raises RuleError FIELD_OUT_OF_RANGE where the snapshot cannot be told yet.
        """
        snapshot_time = self.snapshot(snapshot_time)
        with self._transactions.read(region) as work:
            return compare_part(work.days, institution_id, part, snapshot_time)

    def snapshot(self, wanted: dt.datetime | None) -> dt.datetime:
        """Returns the instant before which acts are told; raises FIELD_OUT_OF_RANGE."""
        newest = told_before(self._clock())
        if wanted is None:
            return newest
        if wanted > newest:
            message = f"acts are told a minute after they were done: until {newest.isoformat()}"
            refuse_faults([FieldFault("snapshot_time", Reason.FIELD_OUT_OF_RANGE, message)])
        return wanted


def _nothing(insurance_type: str, clearing_type: str) -> ClearingSum:
    return ClearingSum(insurance_type, clearing_type, (0, 0, 0, 0), DayAmounts(), {})
