"""Figures of a region in memory: refusals counted, and sums as they are told."""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Mapping

from yibao_settlement.application.report.rows import (
    ActFigure,
    PersonsSum,
    RefusalKey,
    ReportRows,
    ReviewSum,
)
from yibao_settlement.rules.day.act import DaySpan
from yibao_settlement.rules.report import FigureBy, RefusalBy


@dataclasses.dataclass
class MemoryReports(ReportRows):
    """What was asked for, what is told, and refusals as they are counted."""

    told: list[ActFigure] = dataclasses.field(default_factory=list)
    spans: list[DaySpan] = dataclasses.field(default_factory=list)
    refused: Counter[RefusalKey] = dataclasses.field(default_factory=Counter)

    def acts(
        self,
        span: DaySpan,
        by: FigureBy | None,
        *,
        institution_id: str,
        after: str,
        limit: int,
    ) -> list[ActFigure]:
        self.spans.append(span)
        return [each for each in self.told if each.key > after][:limit] if by else []

    def refusals(
        self, start: dt.date, end: dt.date, by: RefusalBy, *, institution_id: str, limit: int
    ) -> list[tuple[str, int]]:
        found: Counter[str] = Counter()
        for key, count in self.refused.items():
            found[str(getattr(key, by.name.lower()))] += count
        return found.most_common(limit)

    def refusal_count(self, start: dt.date, end: dt.date, *, institution_id: str) -> int:
        return self.refused.total()

    def count_refusals(self, counts: Mapping[RefusalKey, int]) -> None:
        self.refused.update(counts)

    def funds_at(self, instant: dt.datetime) -> list[tuple[str, int]]:
        return []

    def differences(self) -> tuple[PersonsSum, PersonsSum]:
        return PersonsSum(0, 0), PersonsSum(0, 0)

    def reviews(self) -> list[ReviewSum]:
        return []

    def hold_count(self) -> int:
        return 0
