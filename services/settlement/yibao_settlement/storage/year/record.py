"""Benefit years as rows."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Select, execute, insert_rows
from yibao_settlement.application.year.rows import RecordPage
from yibao_settlement.application.year.sums import BillHistory
from yibao_settlement.rules.ledger import carried_account, difference_account, person_account
from yibao_settlement.rules.year.close import Taking, YearClose, YearCounts, YearState
from yibao_settlement.rules.year.statement import YearStatement
from yibao_settlement.storage import tables
from yibao_settlement.storage.merge import one_person
from yibao_settlement.storage.year import bills
from yibao_settlement.storage.year import statement as statements

CLOSE_COLUMNS = (
    *("region", "close_id", "benefit_year"),
    *YearCounts._fields,
    *("maker", "propose_time", "state", "checker", "close_time"),
)
TAKING_COLUMNS = Taking._fields
_close = tables.year_close.c
_PURSES = (person_account, carried_account)


class StoredYears:
    """See `application.year.rows.YearRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def counts(self) -> dict[int, YearCounts]:
        """Returns what stands settled of each year; reads all settlements of the region."""
        return bills.counts_by_year(self._connection, self._region)

    def find(self, close_id: str) -> YearClose | None:
        """Returns what was proposed, or None."""
        found = self._closes(_close.close_id == close_id)
        return found[0] if found else None

    def newest(self, benefit_year: int) -> YearClose | None:
        """Returns what closed a year, else what was proposed last, or None."""
        found = self._closes(_close.benefit_year == benefit_year)
        return max(found, key=_standing, default=None)

    def last_closed(self) -> int | None:
        """Returns the last year that is closed, or None."""
        found: int | None = self._connection.execute(
            sa.select(sa.func.max(_close.benefit_year)).where(
                _close.region == self._region, _close.close_time.is_not(None)
            )
        ).scalar_one()
        return found

    def insert(self, close: YearClose) -> None:
        """Stores what is proposed."""
        row = (*close[:3], *close.counts, *close[4:6], int(close.state), *close[7:])
        columns = (*CLOSE_COLUMNS, *TAKING_COLUMNS)
        started = _taking_values(Taking()).values()
        execute(self._connection, [Insert(tables.year_close, columns, [(*row, *started)])])

    def close(self, close: YearClose) -> None:
        """Stores that a year is closed, once."""
        changed = self._connection.execute(
            sa.update(tables.year_close)
            .where(*self._is(close.close_id), _close.close_time.is_(None))
            .values(state=int(close.state), checker=close.checker, close_time=close.close_time)
        )
        assert changed.rowcount == 1, close.close_id

    def going_on(self) -> list[YearClose]:
        """Returns the closed years whose statements are not all taken, the first one first."""
        found = self._closes(_close.close_time.is_not(None), _close.finish_time.is_(None))
        return sorted(found, key=lambda each: each.benefit_year)

    def taking(self, close_id: str) -> Taking:
        """Returns how far the statements of a year are taken."""
        return self._taking(close_id, is_locked=False)

    def lock_taking(self, close_id: str) -> Taking:
        """Returns how far they are taken, and lets no other process take one meanwhile."""
        return self._taking(close_id, is_locked=True)

    def set_taking(self, close_id: str, taking: Taking) -> None:
        """Stores how far they are taken by now."""
        changed = self._connection.execute(
            sa.update(tables.year_close).where(*self._is(close_id)).values(_taking_values(taking))
        )
        assert changed.rowcount == 1, close_id

    def records_behind(self, benefit_year: int, after: str | None, *, limit: int) -> RecordPage:
        """Returns records behind one that have bills of a year, of `limit` that are looked at."""
        return bills.records_behind(
            self._connection, self._region, benefit_year, after, limit=limit
        )

    def taken_over_by(self, person_ids: Collection[str]) -> set[str]:
        """Returns who took records' accounts over, and who took theirs."""
        columns, found, asked = ("merged_into",), set[str](), set(person_ids)
        while asked:
            select = Select(
                *(tables.person_standing, columns, self._region, "person_id", sorted(asked)),
                filled="merged_into",
            )
            (rows,) = execute(self._connection, [select])
            asked = {owner for (owner,) in rows} - found
            found |= asked
        return found

    def lock_persons(self, person_ids: Collection[str]) -> dict[str, str | None]:
        """Locks standings in the order of their ids; returns who took each one's account over."""
        standing = tables.person_standing.c
        rows = self._connection.execute(
            sa.select(standing.person_id, standing.merged_into)
            .where(standing.region == self._region, standing.person_id.in_(sorted(person_ids)))
            .order_by(standing.person_id)
            .with_for_update()
        )
        return {person_id: merged_into for person_id, merged_into in rows}

    def histories(self, person_id: str, benefit_year: int) -> list[BillHistory]:
        """Returns the bills of a record's visits that stand, of a year and of later ones."""
        ids = bills.standing_bills_since(self._connection, self._region, person_id, benefit_year)
        return self.some_histories(ids)

    def histories_of(
        self, person_ids: Collection[str], benefit_year: int
    ) -> dict[str, list[BillHistory]]:
        """Returns what `histories` does, of several records that have any."""
        of_record = bills.bills_since(self._connection, self._region, person_ids, benefit_year)
        found: dict[str, list[BillHistory]] = {}
        for each in self.some_histories(of_record):
            found.setdefault(of_record[each.settled.settlement_id], []).append(each)
        return found

    def some_histories(self, settlement_ids: Collection[str]) -> list[BillHistory]:
        """Returns bills by id, whether they stand or not."""
        return bills.histories_of(self._connection, self._region, settlement_ids)

    def balances_of(self, person_ids: Collection[str], month: int) -> dict[str, tuple[int, int]]:
        """Returns what is owed to persons by now and what their accounts held after a month."""
        columns = ("account_id", "amount_fen", "month")
        owed = {difference_account(each): each for each in person_ids}
        held = {account(each): each for each in person_ids for account in _PURSES}
        among = sorted({*owed, *held})
        (rows,) = execute(
            self._connection, [Select(tables.entry, columns, self._region, "account_id", among)]
        )
        owed_fen: Counter[str] = Counter()
        held_fen: Counter[str] = Counter()
        for account_id, amount_fen, of_month in rows:
            if account_id in owed:
                owed_fen[owed[account_id]] += amount_fen
            elif of_month <= month:
                held_fen[held[account_id]] += amount_fen
        return {each: (owed_fen[each], held_fen[each]) for each in person_ids}

    def insert_statements(self, taken: Sequence[YearStatement]) -> None:
        """Stores closing statements, each once."""
        execute(self._connection, [statements.insert_statements(taken)])

    def statements(
        self, benefit_year: int, person_ids: Collection[str]
    ) -> dict[str, YearStatement]:
        """Returns the closing statements of records, by record."""
        return statements.find_statements(self._connection, self._region, benefit_year, person_ids)

    def statement_page(
        self, benefit_year: int, *, after: str | None, limit: int
    ) -> list[YearStatement]:
        """Returns at most `limit` closing statements behind a record, by its id."""
        return statements.page_of_statements(
            self._connection, self._region, benefit_year, after=after, limit=limit
        )

    def changed_records(
        self, benefit_year: int, since: dt.datetime, *, after: str | None, limit: int
    ) -> list[str]:
        """Returns at most `limit` records behind one of whose bills something was posted since."""
        return bills.changed_records(
            self._connection, self._region, benefit_year, since, after=after, limit=limit
        )

    def records_of(self, person_id: str) -> list[str]:
        """Returns every id that a person has or had, merged records included."""
        return one_person(self._connection, self._region, person_id)

    def refuse(self, benefit_year: int, person_id: str, reason: str, at: dt.datetime) -> None:
        """Stores that a record's statement could not be taken, and why."""
        columns = ("region", "benefit_year", "person_id", "reason", "try_time")
        row = (self._region, benefit_year, person_id, reason, at)
        insert_rows(self._connection, tables.year_refused, columns, [row])

    def refused(self, benefit_year: int, *, limit: int) -> list[str]:
        """Returns records whose statement could not be taken, that tried longest ago first."""
        refused = tables.year_refused.c
        query = (
            sa.select(refused.person_id)
            .where(refused.region == self._region, refused.benefit_year == benefit_year)
            .order_by(refused.try_time, refused.person_id)
            .limit(limit)
        )
        return list(self._connection.execute(query).scalars())

    def count_refused(self, benefit_year: int) -> int:
        """Returns how many records these are."""
        refused = tables.year_refused.c
        return self._connection.execute(
            sa.select(sa.func.count()).where(
                refused.region == self._region, refused.benefit_year == benefit_year
            )
        ).scalar_one()

    def accept(self, benefit_year: int, person_id: str) -> None:
        """Forgets that a record's statement could not be taken."""
        table = tables.year_refused
        self._connection.execute(
            sa.delete(table).where(
                table.c.region == self._region,
                table.c.benefit_year == benefit_year,
                table.c.person_id == person_id,
            )
        )

    def _is(self, close_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return _close.region == self._region, _close.close_id == close_id

    def _closes(self, *conditions: sa.ColumnElement[bool]) -> list[YearClose]:
        return find_closes(self._connection, self._region, *conditions)

    def _taking(self, close_id: str, *, is_locked: bool) -> Taking:
        columns = [_close[name] for name in TAKING_COLUMNS]
        query = sa.select(*columns).where(*self._is(close_id))
        row = self._connection.execute(query.with_for_update() if is_locked else query).one()
        return taking_from(tuple(row))


def find_closes(
    connection: sa.Connection, region: str, *conditions: sa.ColumnElement[bool]
) -> list[YearClose]:
    """Returns what closed years or was proposed, in no order."""
    columns = [_close[name] for name in CLOSE_COLUMNS]
    rows = connection.execute(sa.select(*columns).where(_close.region == region, *conditions))
    return [close_from(tuple(row)) for row in rows]


def close_from(row: tuple[Any, ...]) -> YearClose:
    """Returns what a row of CLOSE_COLUMNS tells."""
    region, close_id, benefit_year, *rest = row
    counts, (maker, propose_time, state, *closing) = YearCounts(*rest[:3]), rest[3:]
    return YearClose(
        region, close_id, benefit_year, counts, maker, propose_time, YearState(state), *closing
    )


def taking_from(row: tuple[Any, ...]) -> Taking:
    """Returns how far statements are taken by a row of TAKING_COLUMNS.

    Raises InvariantError where the sums are not what was written.
    """
    values: dict[str, Any] = dict(zip(TAKING_COLUMNS, row, strict=True))
    sums, digest = statements.sums_from(values["sums"]), bytes(values["digest"])
    return Taking(**{**values, "sums": sums, "digest": digest})


def _taking_values(taking: Taking) -> dict[str, Any]:
    return {**taking._asdict(), "sums": statements.sums_text(taking.sums)}


def _standing(close: YearClose) -> tuple[bool, str]:
    return close.close_time is not None, close.close_id
