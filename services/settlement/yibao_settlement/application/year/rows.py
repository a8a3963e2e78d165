"""What closing of benefit years finds, locks and writes."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from yibao_settlement.application.year.sums import BillHistory
from yibao_settlement.rules.year.close import Taking, YearClose, YearCounts
from yibao_settlement.rules.year.statement import YearStatement


class RecordPage(NamedTuple):
    """Records of persons behind one, by their ids: those with bills of a year that stand.

    `end_id` is the last id that was looked at, None where there is nobody behind.
    """

    person_ids: Sequence[str]
    end_id: str | None


class YearRows(Protocol):
    """Benefit years of a region and their statements, as one transaction finds them."""

    def counts(self) -> Mapping[int, YearCounts]:
        """Returns what stands settled of each year; reads all settlements of the region."""
        ...

    def find(self, close_id: str) -> YearClose | None:
        """Returns what was proposed, or None."""
        ...

    def newest(self, benefit_year: int) -> YearClose | None:
        """Returns what closed a year, else what was proposed last, or None."""
        ...

    def last_closed(self) -> int | None:
        """Returns the last year that is closed, or None."""
        ...

    def insert(self, close: YearClose) -> None:
        """Stores what is proposed."""
        ...

    def close(self, close: YearClose) -> None:
        """Stores that a year is closed, once."""
        ...

    def going_on(self) -> Sequence[YearClose]:
        """Returns the closed years whose statements are not all taken, the first one first."""
        ...

    def taking(self, close_id: str) -> Taking:
        """Returns how far the statements of a year are taken."""
        ...

    def lock_taking(self, close_id: str) -> Taking:
        """Returns how far they are taken, and lets no other process take one meanwhile."""
        ...

    def set_taking(self, close_id: str, taking: Taking) -> None:
        """Stores how far they are taken by now."""
        ...

    def records_behind(self, benefit_year: int, after: str | None, *, limit: int) -> RecordPage:
        """Returns which of the next `limit` records behind one have bills of a year."""
        ...

    def taken_over_by(self, person_ids: Collection[str]) -> Collection[str]:
        """Returns who took records' accounts over, and who took theirs."""
        ...

    def lock_persons(self, person_ids: Collection[str]) -> Mapping[str, str | None]:
        """Locks standings in the order of their ids; returns who took each one's account over."""
        ...

    def histories(self, person_id: str, benefit_year: int) -> Sequence[BillHistory]:
        """Returns the bills of a record's visits that stand, of a year and of later ones.

        Raises InvariantError where one cannot be read.
        """
        ...

    def histories_of(
        self, person_ids: Collection[str], benefit_year: int
    ) -> Mapping[str, Sequence[BillHistory]]:
        """Returns what `histories` does, of several records that have any; raises as it does."""
        ...

    def some_histories(self, settlement_ids: Collection[str]) -> Sequence[BillHistory]:
        """Returns bills by id, whether they stand or not; raises as `histories`."""
        ...

    def balances_of(self, person_ids: Collection[str], month: int) -> Mapping[str, tuple[int, int]]:
        """Returns what is owed to persons by now and what their accounts held after a month."""
        ...

    def insert_statements(self, statements: Sequence[YearStatement]) -> None:
        """Stores closing statements, each once."""
        ...

    def statements(
        self, benefit_year: int, person_ids: Collection[str]
    ) -> Mapping[str, YearStatement]:
        """Returns the closing statements of records, by record."""
        ...

    def statement_page(
        self, benefit_year: int, *, after: str | None, limit: int
    ) -> Sequence[YearStatement]:
        """Returns at most `limit` closing statements behind a record, by its id."""
        ...

    def changed_records(
        self, benefit_year: int, since: dt.datetime, *, after: str | None, limit: int
    ) -> Sequence[str]:
        """Returns at most `limit` records behind one of whose bills something was posted since."""
        ...

    def records_of(self, person_id: str) -> Sequence[str]:
        """Returns every id that a person has or had, merged records included."""
        ...

    def refuse(self, benefit_year: int, person_id: str, reason: str, at: dt.datetime) -> None:
        """Stores that a record's statement could not be taken, and why."""
        ...

    def refused(self, benefit_year: int, *, limit: int) -> Sequence[str]:
        """Returns records whose statement could not be taken, that tried longest ago first."""
        ...

    def count_refused(self, benefit_year: int) -> int:
        """Returns how many records these are."""
        ...

    def accept(self, benefit_year: int, person_id: str) -> None:
        """Forgets that a record's statement could not be taken."""
        ...
