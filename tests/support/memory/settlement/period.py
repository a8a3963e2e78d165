"""Periods in memory."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from yibao_settlement.application.period.rows import PeriodRows
from yibao_settlement.rules.period.close import Period, PeriodClose, PeriodSum


@dataclasses.dataclass
class MemoryPeriods(PeriodRows):
    """What is posted of a region by period, and what became of its periods."""

    posted: dict[Period, list[PeriodSum]] = dataclasses.field(default_factory=dict)
    first: dict[str, dt.datetime] = dataclasses.field(default_factory=dict)
    institutions: list[str] = dataclasses.field(default_factory=list)
    rows: dict[str, PeriodClose] = dataclasses.field(default_factory=dict)
    kept: dict[str, list[PeriodSum]] = dataclasses.field(default_factory=dict)
    ended: int = 0
    is_locked: bool = False

    def lock(self) -> None:
        self.is_locked = True

    def end_month(self, month: int) -> None:
        self.ended = max(self.ended, month)

    def find(self, close_id: str) -> PeriodClose | None:
        return self.rows.get(close_id)

    def last_closed(self, institution_id: str) -> PeriodClose | None:
        found = [
            each
            for each in self.rows.values()
            if each.institution_id == institution_id and each.close_time is not None
        ]
        return max(found, key=lambda each: each.month, default=None)

    def first_time(self, institution_id: str) -> dt.datetime | None:
        return self.first.get(institution_id)

    def sums(self, period: Period) -> list[PeriodSum]:
        return self.posted.get(period, [])

    def closed_sums(self, close_id: str) -> list[PeriodSum]:
        return self.kept[close_id]

    def newest(self, period: Period) -> PeriodClose | None:
        return self.of_month(period.month).get(period.institution_id)

    def of_month(self, month: int) -> dict[str, PeriodClose]:
        found = [each for each in self.rows.values() if each.month == month]
        found.sort(key=lambda each: (each.close_time is not None, each.close_id))
        return {each.institution_id: each for each in found}

    def payables(self, month: int) -> dict[str, tuple[int, int]]:
        return {
            period.institution_id: (
                sum(each.amount_fen for each in sums if each.account_id.startswith("payable:")),
                sum(each.entry_count for each in sums),
            )
            for period, sums in self.posted.items()
            if period.month == month and period.institution_id
        }

    def institution_ids(self) -> list[str]:
        return self.institutions

    def insert(self, close: PeriodClose) -> None:
        assert self.is_locked
        self.rows[close.close_id] = close

    def close(self, close: PeriodClose, sums: Sequence[PeriodSum]) -> None:
        assert self.is_locked
        self.rows[close.close_id], self.kept[close.close_id] = close, list(sums)
