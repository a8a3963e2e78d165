"""What bills of a benefit year come to: as they stand, and as they stood at a mark."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yibao_settlement.application.settlement.record import (
    Adjustment,
    Effective,
    SettlementRecord,
)
from yibao_settlement.rules.benefit.keeping import is_of_window, place_of
from yibao_settlement.rules.year.statement import (
    NO_SUMS,
    Amounts,
    BillMark,
    YearColumn,
    YearSums,
    amounts_of,
    merged_amounts,
)


class BillHistory(NamedTuple):
    """A settlement as it was settled, with all that became of it.

    `left` is what each refund left of it, the first one first; `adjustments` come in the order
    of their revisions. `moved_fen` is what of it was moved into the account.
    """

    settled: SettlementRecord
    left: Sequence[SettlementRecord] = ()
    adjustments: Sequence[Adjustment] = ()
    moved_fen: int = 0

    @property
    def mark(self) -> BillMark:
        """How far it came."""
        revision = self.adjustments[-1].revision if self.adjustments else 1
        return BillMark(self.settled.settlement_id, revision, len(self.left), self.moved_fen)

    def at(self, mark: BillMark) -> SettlementRecord:
        """Returns it as it stood at a mark; what was posted of it since is left away."""
        record = self.left[mark.refund_count - 1] if mark.refund_count else self.settled
        known = [each for each in self.adjustments if each.revision <= mark.revision]
        return record._replace(adjustment=known[-1] if known else None, moved_fen=mark.moved_fen)

    @property
    def now(self) -> SettlementRecord:
        """It as it stands, or stood last."""
        return self.at(self.mark)

    @property
    def stands(self) -> bool:
        """Whether it was not reversed."""
        return self.settled.reversal is None


def sums_of(records: Iterable[SettlementRecord]) -> YearSums:
    """Returns what bills that stand come to."""
    sums = NO_SUMS
    for record in records:
        sums = sums.plus(_sums_of_bill(record))
    return sums


def _sums_of_bill(record: SettlementRecord) -> YearSums:
    counter, effective = record.counter, record.effective
    return YearSums(
        1,
        record.total_fen,
        _column(counter),
        _column(effective),
        # As booked: what is owed of earlier bills is owed to the person beside this one's.
        counter.cash_fen - effective.cash_fen + effective.borne.arrears_fen,
        record.due_fen,
    )


def _column(costs: Effective) -> YearColumn:
    borne = costs.borne
    return YearColumn(
        amounts_of(borne.payers), borne.account_fen, borne.cash_fen, borne.arrears_fen
    )


def used_up(records: Iterable[SettlementRecord], benefit_year: int) -> Amounts:
    """Returns what bills used up of a benefit year, in the effective column."""
    used: Amounts = ()
    for record in records:
        used = merged_amounts(used, _used_by(record, benefit_year))
    return used


def concerns(record: SettlementRecord, benefit_year: int) -> bool:
    """Tells whether a bill is of a year, or used something up of it, as a stay may."""
    return record.benefit_year == benefit_year or bool(_used_by(record, benefit_year))


def _used_by(record: SettlementRecord, benefit_year: int) -> list[tuple[str, int]]:
    # By the first format all is of the year of the service date.
    return [
        (name, value)
        for name, value in record.effective.accumulations.items()
        if (
            place_of(name, person_id="").year == benefit_year
            if is_of_window(name)
            else record.benefit_year == benefit_year
        )
    ]
