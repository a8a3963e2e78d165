"""Benefit years in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from yibao_settlement.application.year.rows import RecordPage, YearRows
from yibao_settlement.application.year.sums import BillHistory
from yibao_settlement.rules.year.close import Taking, YearClose, YearCounts
from yibao_settlement.rules.year.statement import YearStatement


@dataclasses.dataclass
class MemoryYears(YearRows):
    """Bills of a region by record, and what became of its years."""

    settled: dict[int, YearCounts] = dataclasses.field(default_factory=dict)
    bills: dict[str, list[BillHistory]] = dataclasses.field(default_factory=dict)
    # Records whose bills cannot be read.
    unreadable: set[str] = dataclasses.field(default_factory=set)
    merged: dict[str, str] = dataclasses.field(default_factory=dict)
    locked: list[set[str]] = dataclasses.field(default_factory=list)
    rows: dict[str, YearClose] = dataclasses.field(default_factory=dict)
    takings: dict[str, Taking] = dataclasses.field(default_factory=dict)
    taken: dict[tuple[int, str], YearStatement] = dataclasses.field(default_factory=dict)
    waiting: dict[str, str] = dataclasses.field(default_factory=dict)

    def counts(self) -> Mapping[int, YearCounts]:
        return self.settled

    def find(self, close_id: str) -> YearClose | None:
        return self.rows.get(close_id)

    def newest(self, benefit_year: int) -> YearClose | None:
        found = [each for each in self.rows.values() if each.benefit_year == benefit_year]
        found.sort(key=lambda each: (each.close_time is not None, each.close_id))
        return found[-1] if found else None

    def last_closed(self) -> int | None:
        closed = [each.benefit_year for each in self.rows.values() if each.close_time is not None]
        return max(closed, default=None)

    def insert(self, close: YearClose) -> None:
        self.rows[close.close_id], self.takings[close.close_id] = close, Taking()

    def close(self, close: YearClose) -> None:
        self.rows[close.close_id] = close

    def going_on(self) -> list[YearClose]:
        return [
            each
            for each in self.rows.values()
            if each.close_time is not None and self.takings[each.close_id].finish_time is None
        ]

    def taking(self, close_id: str) -> Taking:
        return self.takings[close_id]

    def lock_taking(self, close_id: str) -> Taking:
        return self.takings[close_id]

    def set_taking(self, close_id: str, taking: Taking) -> None:
        self.takings[close_id] = taking

    def records_behind(self, benefit_year: int, after: str | None, *, limit: int) -> RecordPage:
        ids = sorted(each for each in self.bills if each > (after or ""))[:limit]
        return RecordPage(ids, ids[-1] if ids else None)

    def taken_over_by(self, person_ids: Collection[str]) -> set[str]:
        found = set()
        for person_id in person_ids:
            while person_id in self.merged:
                person_id = self.merged[person_id]
                found.add(person_id)
        return found

    def lock_persons(self, person_ids: Collection[str]) -> dict[str, str | None]:
        self.locked.append(set(person_ids))
        return {each: self.merged.get(each) for each in person_ids}

    def histories(self, person_id: str, benefit_year: int) -> list[BillHistory]:
        if person_id in self.unreadable:
            raise ValueError("what is stored of the bill is something else")
        return self.bills.get(person_id, [])

    def histories_of(
        self, person_ids: Collection[str], benefit_year: int
    ) -> dict[str, list[BillHistory]]:
        return {each: self.histories(each, benefit_year) for each in person_ids}

    def some_histories(self, settlement_ids: Collection[str]) -> list[BillHistory]:
        known = [each for bills in self.bills.values() for each in bills]
        return [each for each in known if each.settled.settlement_id in settlement_ids]

    def balances_of(self, person_ids: Collection[str], month: int) -> dict[str, tuple[int, int]]:
        return dict.fromkeys(person_ids, (0, 0))

    def insert_statements(self, statements: Sequence[YearStatement]) -> None:
        for statement in statements:
            key = statement.benefit_year, statement.person_id
            assert key not in self.taken
            self.taken[key] = statement

    def statements(
        self, benefit_year: int, person_ids: Collection[str]
    ) -> dict[str, YearStatement]:
        return {
            person_id: each
            for (year, person_id), each in self.taken.items()
            if year == benefit_year and person_id in person_ids
        }

    def statement_page(
        self, benefit_year: int, *, after: str | None, limit: int
    ) -> Sequence[YearStatement]:
        found = [each for (year, _), each in sorted(self.taken.items()) if year == benefit_year]
        return [each for each in found if each.person_id > (after or "")][:limit]

    def changed_records(
        self, benefit_year: int, since: dt.datetime, *, after: str | None, limit: int
    ) -> Sequence[str]:
        return [each for each in sorted(self.bills) if each > (after or "")][:limit]

    def records_of(self, person_id: str) -> Sequence[str]:
        return [person_id]

    def refuse(self, benefit_year: int, person_id: str, reason: str, at: dt.datetime) -> None:
        self.waiting[person_id] = reason

    def refused(self, benefit_year: int, *, limit: int) -> Sequence[str]:
        return list(self.waiting)[:limit]

    def count_refused(self, benefit_year: int) -> int:
        return len(self.waiting)

    def accept(self, benefit_year: int, person_id: str) -> None:
        self.waiting.pop(person_id, None)
