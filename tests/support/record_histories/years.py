"""Years that the service closes: each statement is what the model says of a record's bills."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from support.history_model.columns import Column
from support.history_model.operations import PassTime
from support.history_model.settlements import Settlement, State
from support.history_model.world import World as Model
from support.years import close, told

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.year.find import ToldStatement
from yibao_settlement.rules.year.statement import YearColumn, YearStatement, YearSums

from .histories import CloseYear
from .played import PlayedRecords

Key = tuple[int, str]


@dataclass(slots=True)
class Years:
    """The years that were closed, with the statements as they were taken, by year and record."""

    played: PlayedRecords
    taken: dict[Key, YearStatement] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)
    # What accounts held at the end of a year, in fen.
    held_fen: dict[Key, int] = field(default_factory=dict)

    def close(self, model: Model, operation: CloseYear) -> None:
        """Closes a year, and compares what everybody's statement tells."""
        close(self.played.world, operation.year)
        self.closed.append(operation.year)
        for record, each in self._told(operation.year):
            expected = sums_of(bills_of(model, record, operation.year))
            assert each.statement is not None, record
            assert each.statement.sums == expected, (operation, record, each.statement, expected)
            self.taken[operation.year, record] = each.statement
            self._check_balances(model, record, each.statement)
        have_bills = {
            record for record in self.played.persons if any(bills_of(model, record, operation.year))
        }
        assert have_bills <= {record for year, record in self.taken if year == operation.year}

    def note(self, model: Model, operation: PassTime) -> None:
        """Notes what accounts hold when a year ends, before time goes on."""
        now = self.played.world.clock.now
        year = shanghai_day(now).year
        if shanghai_day(now + dt.timedelta(seconds=operation.seconds)).year > year:
            balances = model.books.balances
            for record in self.played.persons:
                self.held_fen[year, record] = balances.get(f"person:{record}", 0)

    def _check_balances(self, model: Model, record: str, statement: YearStatement) -> None:
        """What either was owed before a merge stays booked where it was."""
        told = statement.difference_balance_fen, statement.account_balance_fen
        expected = (
            model.books.balances.get(f"difference:{record}", 0),
            self.held_fen[statement.benefit_year, record],
        )
        assert told == expected, (record, statement, expected)

    def check(self, model: Model) -> None:
        """Checks that statements stay, and that they and what came since are the present."""
        for year in self.closed:
            for record, each in self._told(year):
                assert each.statement == self.taken.get((year, record)), (year, record)
                expected = sums_of(bills_of(model, record, year))
                assert each.sums == expected, (year, record, each.sums, expected)
                before = YearSums() if each.statement is None else each.statement.sums
                assert each.sums == before.plus(each.between), (year, record)

    def _told(self, year: int) -> Iterable[tuple[str, ToldStatement]]:
        """Yields what is told of each record, read by who stands for it."""
        names = self.played.names()
        for record, person_id in self.played.persons.items():
            if record in self.played.merged:
                continue
            for each in _found(self.played, person_id, year):
                yield names[each.person_id], each


def _found(played: PlayedRecords, person_id: str, year: int) -> list[ToldStatement]:
    try:
        return told(played.world, person_id, year)
    except RuleError as refusal:
        if refusal.reason is not Reason.YEAR_STATEMENT_NOT_FOUND:
            raise
        return []


def bills_of(model: Model, record: str, year: int) -> list[Settlement]:
    """Returns the bills of a record's visits that stand, by the year of their days."""
    return [
        each
        for each in model.books.settlements.values()
        if each.state is State.SETTLED
        and each.bill.visit_id.startswith(f"{record}.")
        and _day(each).year == year
    ]


def _day(settlement: Settlement) -> dt.date:
    day = settlement.bill.words["date"]
    assert isinstance(day, dt.date)
    return day


def sums_of(bills: Iterable[Settlement]) -> YearSums:
    """Returns what bills come to, as a statement tells it."""
    sums = YearSums()
    for each in bills:
        counter, effective = each.counter, each.effective
        sums = sums.plus(
            YearSums(
                1,
                each.bill.amount_fen,
                _column(counter),
                _column(effective),
                counter.cash_fen - effective.cash_fen,
                each.due.fen,
            )
        )
    return sums


def _column(column: Column) -> YearColumn:
    payers = Counter(column.by_account())
    return YearColumn(tuple(sorted(payers.items())), column.purses.fen, column.cash_fen)
