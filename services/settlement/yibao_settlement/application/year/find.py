"""Closing statements as they are read: the snapshot, the present, and what lies between."""

import enum
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.transactions import Transactions
from yibao_settlement.application.year.rows import YearRows
from yibao_settlement.application.year.sums import BillHistory, concerns, sums_of, used_up
from yibao_settlement.rules.year.statement import (
    NO_SUMS,
    Amounts,
    BillMark,
    YearStatement,
    YearSums,
    statement_not_found,
)

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


class ChangeKind(enum.IntEnum):
    """What became of a bill of a closed year since the statement was taken."""

    # It was settled since: a late bill, or one that corrects another.
    SETTLED = 1
    # It was reversed since, or corrected by another one.
    REVERSED = 2
    # Something of it was returned, or it was decided again: as an earlier bill changed, when it
    # was repriced or repaired, or when records were merged.
    MOVED = 3


class BillChange(NamedTuple):
    """What a bill added to a year since the statement was taken; less than nothing took away.

    `sums` may be all zero where only windows moved.
    """

    settlement_id: str
    kind: ChangeKind
    sums: YearSums


class ToldStatement(NamedTuple):
    """A record's year: its statement, what its bills come to by now, and what lies between.

    `statement` is None for a record of which bills came only after it had been passed.
    """

    person_id: str
    statement: YearStatement | None
    sums: YearSums
    windows: Amounts
    changes: tuple[BillChange, ...]

    @property
    def between(self) -> YearSums:
        """What lies between the statement and the present, bill by bill."""
        sums = NO_SUMS
        for each in self.changes:
            sums = sums.plus(each.sums)
        return sums


class StatementPage(NamedTuple):
    """Closed years of records, and behind which one the list goes on; None where it ends."""

    told: Sequence[ToldStatement]
    after: str | None


class YearStatements:
    """Reads closing statements. Blocks."""

    def __init__(self, transactions: "Transactions[Work]") -> None:
        """Takes what begins transactions."""
        self._transactions = transactions

    def of_person(self, region: str, person_id: str, benefit_year: int) -> list[ToldStatement]:
        """Returns a person's year, of each record that was merged into one.

        Raises RuleError YEAR_STATEMENT_NOT_FOUND where no record has a statement, and none has
        a bill that came since all were taken.
        """
        with self._transactions.read(region) as work:
            record_ids = work.years.records_of(person_id)
            statements = work.years.statements(benefit_year, record_ids)
            close = work.years.newest(benefit_year)
            is_taken = (
                close is not None and work.years.taking(close.close_id).finish_time is not None
            )
            asked = record_ids if is_taken else sorted(statements)
            told = [
                each
                for person_id in asked
                if (each := _told(work.years, person_id, benefit_year, statements)) is not None
            ]
        if not told:
            raise statement_not_found(person_id, benefit_year)
        return told

    def page(
        self, region: str, benefit_year: int, *, changed_only: bool, after: str | None, limit: int
    ) -> StatementPage:
        """Returns at most `limit` records of a year behind one, by their ids.

        With `changed_only` those alone of whose bills anything was posted since the year was
        closed; where that was before the statement was taken, nothing lies between.
        """
        with self._transactions.read(region) as work:
            years = work.years
            # One more tells whether there is another page.
            if changed_only:
                ids = _changed(years, benefit_year, after=after, limit=limit + 1)
                statements = years.statements(benefit_year, ids[:limit])
            else:
                page = years.statement_page(benefit_year, after=after, limit=limit + 1)
                statements = {each.person_id: each for each in page}
                ids = [each.person_id for each in page]
            found = [_told(years, each, benefit_year, statements) for each in ids[:limit]]
            told = [each for each in found if each is not None]
            return StatementPage(told, ids[limit - 1] if len(ids) > limit else None)


def _changed(years: YearRows, benefit_year: int, *, after: str | None, limit: int) -> Sequence[str]:
    close = years.newest(benefit_year)
    if close is None or close.close_time is None:
        return []
    return years.changed_records(benefit_year, close.close_time, after=after, limit=limit)


def _told(
    years: YearRows,
    person_id: str,
    benefit_year: int,
    statements: Mapping[str, YearStatement],
) -> ToldStatement | None:
    statement = statements.get(person_id)
    bills = [
        each
        for each in years.histories(person_id, benefit_year)
        if concerns(each.now, benefit_year)
    ]
    own = {
        each.settled.settlement_id: each
        for each in bills
        if each.settled.benefit_year == benefit_year
    }
    if statement is None and not own:
        return None
    marks = {} if statement is None else {mark.settlement_id: mark for mark in statement.bills}
    gone = [
        each
        for each in years.some_histories(marks.keys() - own.keys())
        if each.settled.benefit_year == benefit_year
    ]
    return ToldStatement(
        person_id,
        statement,
        sums_of([each.now for each in own.values()]),
        used_up([each.now for each in bills], benefit_year),
        tuple(_changes(own, gone, marks)),
    )


def _changes(
    own: Mapping[str, BillHistory], gone: Sequence[BillHistory], marks: Mapping[str, BillMark]
) -> list[BillChange]:
    """Returns what became of bills of a year since they stood at their marks, by their ids."""
    changes = [
        BillChange(
            each.settled.settlement_id,
            ChangeKind.REVERSED,
            NO_SUMS.minus(sums_of([each.at(marks[each.settled.settlement_id])])),
        )
        for each in gone
    ]
    for settlement_id, bill in own.items():
        mark = marks.get(settlement_id)
        if mark is None:
            changes.append(BillChange(settlement_id, ChangeKind.SETTLED, sums_of([bill.now])))
        elif mark != bill.mark:
            moved = sums_of([bill.now]).minus(sums_of([bill.at(mark)]))
            changes.append(BillChange(settlement_id, ChangeKind.MOVED, moved))
    return sorted(changes, key=lambda each: each.settlement_id)
