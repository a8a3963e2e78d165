"""The annual close of accounts as rows."""

import datetime as dt
from collections.abc import Collection, Sequence

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Update, execute, insert_rows, select_rows
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.account_close.rows import ClosePosting, Part, PurseEntry
from yibao_settlement.application.account_close.run import ITSELF
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.account_close.close import (
    AccountClose,
    AccountCloseState,
    AccountCounts,
    AccountSums,
    ClosedAccount,
)
from yibao_settlement.rules.account_close.counters import Claimed
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.rules.period.month import PostingFence, month_of
from yibao_settlement.storage import tables
from yibao_settlement.storage.account_close import parts
from yibao_settlement.storage.account_close import tables as close_tables
from yibao_settlement.storage.account_close.closed import (
    CLOSED_COLUMNS,
    closed_from,
    closed_row,
)
from yibao_settlement.storage.account_close.reading import (
    accounts_of,
    claims_of,
    held_at_end,
    merged_into,
    purse_entries,
    records_between,
)
from yibao_settlement.storage.enrolment import ENROLMENT_COLUMNS, enrolments_from

CLOSE_COLUMNS = (
    *("region", "close_id", "benefit_year", "rules_version", "rules_file"),
    *AccountCounts._fields,
    *("maker", "propose_time", "state", "checker", "close_time", "request_id", "finish_time"),
)
_close = close_tables.account_close.c
_refused = close_tables.account_close_refused.c


class StoredAccountCloses:
    """See `application.account_close.rows.AccountCloseRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def counts(self, benefit_year: int) -> AccountCounts:
        """Returns how many records there are, and what accounts held at a year's end."""
        persons = parts.count_records(self._connection, self._region)
        return AccountCounts(persons, self.held_at_end(benefit_year))

    def insert(self, close: AccountClose) -> None:
        """Stores what is proposed."""
        row = (*close[:5], *close.counts, *close[6:8], int(close.state), *close[9:])
        execute(self._connection, [Insert(close_tables.account_close, CLOSE_COLUMNS, [row])])

    def find(self, close_id: str) -> AccountClose | None:
        """Returns what was proposed, or None."""
        return next(iter(self._closes(_close.close_id == close_id)), None)

    def newest(self, benefit_year: int) -> AccountClose | None:
        """Returns what closed a year's accounts, else what was proposed last, or None."""
        found = self._closes(_close.benefit_year == benefit_year)
        return max(found, key=lambda it: (it.close_time is not None, it.close_id), default=None)

    def last_closed(self) -> int | None:
        """Returns the last year whose accounts are closed or being closed, or None."""
        found: int | None = self._connection.execute(
            sa.select(sa.func.max(_close.benefit_year)).where(
                _close.region == self._region, _close.close_time.is_not(None)
            )
        ).scalar_one()
        return found

    def close(self, close: AccountClose) -> None:
        """Stores that a closing is confirmed, once."""
        self._change(
            close.close_id,
            _close.close_time.is_(None),
            state=int(close.state),
            checker=close.checker,
            close_time=close.close_time,
            request_id=close.request_id,
        )

    def going_on(self) -> list[AccountClose]:
        """Returns the closings that are confirmed and not done, the first year first."""
        found = self._closes(_close.close_time.is_not(None), _close.finish_time.is_(None))
        return sorted(found, key=lambda each: each.benefit_year)

    def sums(self, close: AccountClose) -> tuple[AccountSums, int]:
        """Returns what a closing comes to by now, and how many records it could not close."""
        refused = sa.select(sa.func.count()).where(*self._of_refused(close.close_id))
        left = self._connection.execute(refused).scalar_one()
        return parts.sums_of(self._connection, self._region, close.close_id), int(left)

    def lock_close(self, close_id: str) -> AccountClose:
        """Returns a closing, whose row no other process locks meanwhile."""
        columns = [_close[name] for name in CLOSE_COLUMNS]
        query = sa.select(*columns).where(*self._is(close_id)).with_for_update()
        return close_from(tuple(self._connection.execute(query).one()))

    def has_parts(self, close_id: str) -> bool:
        """Tells whether the records of a closing are parted."""
        return parts.has_parts(self._connection, self._region, close_id)

    def insert_parts(self, close_id: str, *, persons: int) -> None:
        """Parts all records that there are into ranges of so many; part 0 has none."""
        parts.insert_parts(self._connection, self._region, close_id, persons=persons)

    def claim_part(self, close_id: str) -> Part | None:
        """Locks a part that is not done and that no other process works on, None without one."""
        return parts.claim_part(self._connection, self._region, close_id)

    def retried(self, close_id: str) -> Part:
        """Returns the part of those that were refused first; the closing is locked."""
        return parts.retried_part(self._connection, self._region, close_id)

    def parts_left(self, close_id: str) -> int:
        """Returns how many parts are not done, whoever works on them."""
        return parts.count_left(self._connection, self._region, close_id)

    def set_part(self, close_id: str, part: Part) -> None:
        """Stores how far a part is, whose row was locked."""
        parts.set_part(self._connection, self._region, close_id, part)

    def records_of(self, part: Part, *, limit: int) -> list[str]:
        """Returns the next records of a part, by their ids."""
        after_id = part.reached_id or part.after_id
        return records_between(self._connection, self._region, after_id, part.until_id, limit=limit)

    def taken_over(self, person_ids: Collection[str]) -> dict[str, str]:
        """Returns of records that were merged who has their account now."""
        into: dict[str, str] = {}
        asked = set(person_ids)
        while asked:
            (rows,) = execute(
                self._connection,
                [
                    Select(
                        tables.person_standing,
                        ("person_id", "merged_into"),
                        self._region,
                        "person_id",
                        sorted(asked),
                        filled="merged_into",
                    )
                ],
            )
            into.update(rows)
            asked = {owner for _, owner in rows} - into.keys()
        return {each: _last(into, each) for each in into}

    def lock_accounts(self, person_ids: Collection[str]) -> dict[str, Standing]:
        """Locks standings in the order of their ids and returns them; some have none."""
        return accounts_of(self._connection, self._region, person_ids, is_locked=True)

    def accounts(self, person_ids: Collection[str]) -> dict[str, Standing]:
        """Returns standings without a lock; some have none."""
        return accounts_of(self._connection, self._region, person_ids, is_locked=False)

    def posting_fence(self) -> PostingFence:
        """Returns what every posting must lie behind, once accounts are locked."""
        fence = tables.posting_fence.c
        found = self._connection.execute(
            sa.select(fence.posting_id, fence.ended_month).where(fence.region == self._region)
        ).one_or_none()
        return PostingFence() if found is None else PostingFence._make(found)

    def purse_entries(
        self, person_ids: Collection[str], *, since_month: int
    ) -> dict[str, list[PurseEntry]]:
        """Returns what moved accounts since a month, by record, in the order of postings."""
        return purse_entries(self._connection, self._region, person_ids, since_month=since_month)

    def enrolments(self, person_ids: Collection[str]) -> dict[str, list[Enrolment]]:
        """Returns the periods of persons."""
        return enrolments_from(self._of_persons(tables.enrolment, ENROLMENT_COLUMNS, person_ids))

    def claimed(self, benefit_year: int, person_ids: Collection[str]) -> dict[str, Claimed | None]:
        """Returns what a year's closing statements say, of records that have one."""
        return claims_of(self._connection, self._region, benefit_year, person_ids)

    def merged_into(self, person_ids: Collection[str]) -> dict[str, str]:
        """Returns records that were merged into persons, however far, with whose they are."""
        into = merged_into(self._connection, self._region, person_ids)
        return {each: _last(into, each) for each in into}

    def not_taken(self, benefit_year: int, person_ids: Collection[str]) -> set[str]:
        """Returns whose statements of a year could not be taken."""
        refused = tables.year_refused.c
        query = sa.select(refused.person_id).where(
            refused.region == self._region,
            refused.benefit_year == benefit_year,
            refused.person_id.in_(sorted(person_ids)),
        )
        return set(self._connection.execute(query).scalars())

    def unclaimed_before(
        self, benefit_year: int, insurance_type: str, person_ids: Collection[str]
    ) -> dict[str, int]:
        """Returns the years without a claim that records began a year with."""
        columns = ("person_id", "benefit_year", "counted_type", "years_unclaimed")
        rows = self._of_persons(close_tables.closed_account, columns, person_ids)
        return {
            person_id: years
            for person_id, year, counted_type, years in rows
            if year == benefit_year - 1 and counted_type == insurance_type and years is not None
        }

    def store(
        self,
        close: AccountClose,
        accounts: Collection[Standing],
        postings: Sequence[ClosePosting],
        closed: Sequence[ClosedAccount],
        *,
        post_time: dt.datetime,
    ) -> None:
        """Stores what was done with records, and their accounts; raises where one is there."""
        region, month, path = self._region, month_of(post_time), ITSELF.path
        execute(
            self._connection,
            [
                Update(
                    tables.person_standing,
                    ("region", "person_id"),
                    ("balance_fen", "carried_fen", "account_year"),
                    [
                        *(
                            (region, it.person_id, it.balance_fen, it.carried_fen, it.account_year)
                            for it in accounts
                        )
                    ],
                ),
                Insert(
                    tables.posting,
                    ("region", "posting_id", "kind", "request_id", "post_time", "posted_by"),
                    [
                        (region, it.posting_id, int(it.kind), close.request_id, post_time, path)
                        for it in postings
                    ],
                ),
                Insert(
                    tables.entry,
                    ("region", "account_id", "posting_id", "kind", "amount_fen", "month"),
                    [
                        (region, account_id, each.posting_id, int(each.kind), fen, month)
                        for each in postings
                        for account_id, fen in each.entries
                    ],
                ),
                Insert(close_tables.closed_account, CLOSED_COLUMNS, [*map(closed_row, closed)]),
            ],
        )

    def refuse(self, close_id: str, person_id: str, reason: str, at: dt.datetime) -> None:
        """Stores that an account could not be closed, and why."""
        columns = ("region", "close_id", "person_id", "reason", "try_time")
        row = (self._region, close_id, person_id, reason, at)
        insert_rows(self._connection, close_tables.account_close_refused, columns, [row])

    def refused(self, close_id: str, *, limit: int) -> list[str]:
        """Returns whose account could not be closed, that tried longest ago first."""
        query = (
            sa.select(_refused.person_id)
            .where(*self._of_refused(close_id))
            .order_by(_refused.try_time, _refused.person_id)
            .limit(limit)
        )
        return list(self._connection.execute(query).scalars())

    def accept(self, close_id: str, person_ids: Collection[str]) -> None:
        """Forgets that accounts could not be closed."""
        self._connection.execute(
            sa.delete(close_tables.account_close_refused).where(
                *self._of_refused(close_id), _refused.person_id.in_(sorted(person_ids))
            )
        )

    def held_at_end(self, benefit_year: int) -> int:
        """Returns what all accounts held at the end of a year by their entries, in fen."""
        return held_at_end(self._connection, self._region, benefit_year)

    def finish(self, close_id: str, sums: AccountSums, at: dt.datetime) -> None:
        """Stores that all accounts are closed, once."""
        state = int(AccountCloseState.DONE)
        self._change(close_id, _close.finish_time.is_(None), finish_time=at, state=state)

    def closed(self, person_id: str, benefit_year: int) -> ClosedAccount | None:
        """Returns what a close did with a record, or None."""
        rows = self._of_persons(close_tables.closed_account, CLOSED_COLUMNS, [person_id])
        found = (closed_from(row) for row in rows)
        return next((each for each in found if each.benefit_year == benefit_year), None)

    def _change(self, close_id: str, condition: sa.ColumnElement[bool], **values: object) -> None:
        changed = self._connection.execute(
            sa.update(close_tables.account_close)
            .where(*self._is(close_id), condition)
            .values(**values)
        )
        if changed.rowcount != 1:
            raise InvariantError(f"closing {close_id} was changed meanwhile")

    def _of_persons(
        self, table: sa.Table, columns: tuple[str, ...], person_ids: Collection[str]
    ) -> list[Row]:
        return select_rows(
            self._connection,
            table,
            columns,
            region=self._region,
            key="person_id",
            among=sorted(person_ids),
        )

    def _closes(self, *conditions: sa.ColumnElement[bool]) -> list[AccountClose]:
        return find_closes(self._connection, self._region, *conditions)

    def _is(self, close_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return _close.region == self._region, _close.close_id == close_id

    def _of_refused(self, close_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return _refused.region == self._region, _refused.close_id == close_id


def find_closes(
    connection: sa.Connection, region: str, *conditions: sa.ColumnElement[bool]
) -> list[AccountClose]:
    """Returns what closed accounts of years or was proposed, in no order."""
    columns = [_close[name] for name in CLOSE_COLUMNS]
    rows = connection.execute(sa.select(*columns).where(_close.region == region, *conditions))
    return [close_from(tuple(row)) for row in rows]


def close_from(row: Row) -> AccountClose:
    """Returns what a row of CLOSE_COLUMNS tells."""
    *begin, rules_file, persons, balance_fen, maker, propose_time, state = row[:10]
    counts = AccountCounts(persons, balance_fen)
    known = (*begin, bytes(rules_file), counts, maker, propose_time, AccountCloseState(state))
    return AccountClose(*known, *row[10:])


def _last(into: dict[str, str], person_id: str) -> str:
    while person_id in into:
        person_id = into[person_id]
    return person_id
