"""Persons with all that is kept and settled of them, a page at a time, for the ledger checker.

Records that were merged are one person. All is read from one snapshot by ranges and keys of
indexes, so that a page costs what its persons have, however many others there are.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from yibao_common.db.rows import Row, joined_whole, looked_up, select_rows
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.family.state import FamilyPayment
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.benefit.keeping import KeptPlace
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.account import amounts_from
from yibao_settlement.storage.family.booked import payments_to
from yibao_settlement.storage.hold.booked import confirmed_at
from yibao_settlement.storage.hold.record import readable_of
from yibao_settlement.storage.ledger.booked import (
    BookedSettlement,
    booked_settlements,
)
from yibao_settlement.storage.ledger.codes import CodeUses
from yibao_settlement.storage.ledger.entries import EntryReader, OwnEntry
from yibao_settlement.storage.visit import VISIT_COLUMNS, visit_from
from yibao_settlement.storage.year.booked import (
    BookedStatement,
    booked_statements,
    years_with_statements,
)

# Some hundred bills a person are many.
PERSONS_A_PAGE = 100
_STANDING = (
    *("person_id", "balance_fen", "carried_fen", "benefit_year", "accumulators"),
    "hold_expire_time",
)
# A row that is kept otherwise than it can be read.
Kept = dict[str, int] | None


@dataclass(slots=True)
class KeptPerson:
    """A person, of all records that are one by now, with what is kept and settled.

    `person_ids` ends with who holds the account, `holder_id`. `purses` are those of each
    record that has an account, `entries` those of all accounts that are the person's own.
    `years` are by record and year, `scopes` by scope: the stays that are visits of the person,
    and months. `settlements` stand in the order of their ids.
    """

    holder_id: str
    person_ids: tuple[str, ...]
    purses: dict[str, Purses] = field(default_factory=dict)
    entries: list[OwnEntry] = field(default_factory=list)
    years: dict[tuple[str, int], Kept] = field(default_factory=dict)
    scopes: dict[str, Kept] = field(default_factory=dict)
    settlements: list[BookedSettlement] = field(default_factory=list)
    # What is held stands with the settlements, where it can be read. When the first hold of a
    # record runs out, as it is kept, and which holds settlements took the places of.
    held: list[Hold] = field(default_factory=list)
    lost_hold_ids: list[str] = field(default_factory=list)
    hold_ends: dict[str, dt.datetime] = field(default_factory=dict)
    confirmed_hold_ids: set[str] = field(default_factory=set)
    # Closing statements of all years, of each record.
    statements: list[BookedStatement] = field(default_factory=list)
    # What relatives paid for the person's bills, and got back.
    family: list[FamilyPayment] = field(default_factory=list)

    @property
    def kept(self) -> dict[KeptPlace, Kept]:
        """Returns what years and windows hold of who holds the account."""
        rows: dict[KeptPlace, Kept] = {
            KeptPlace(year=year): kept
            for (person_id, year), kept in self.years.items()
            if person_id == self.holder_id
        }
        rows.update({KeptPlace(scope=scope): kept for scope, kept in self.scopes.items()})
        return rows


class PersonReader:
    """Reads persons of a region from a connection's snapshot.

    `entries` counts what was read of the ledger.
    """

    def __init__(
        self,
        connection: sa.Connection,
        region: str,
        *,
        merged: Mapping[str, str],
        codes: CodeUses,
    ) -> None:
        """Takes who took over whose account, and the codes that settlements used up."""
        self._connection = connection
        self._region = region
        self._codes = codes
        self.entries = EntryReader(connection, region)
        self._statement_years = years_with_statements(connection, region)
        self._merged = merged
        self._records: dict[str, list[str]] = {}
        for person_id in sorted(merged):
            self._records.setdefault(self._holder_of(person_id), []).append(person_id)
        # Those of merged records that were read: they may come up in another page again.
        self._read: set[str] = set()

    def everyone(self) -> Iterator[list[KeptPerson]]:
        """Yields every person of whom anything is kept or settled, once, in pages."""
        standing = tables.person_standing.c
        with joined_whole(self._connection):
            lost = lost_settlements(self._connection, self._region)
        after: str | None = None
        while True:
            query = sa.select(standing.person_id).where(standing.region == self._region)
            if after is not None:
                query = query.where(standing.person_id > after)
            query = query.order_by(standing.person_id).limit(PERSONS_A_PAGE)
            ids = list(self._connection.execute(query).scalars())
            if not ids:
                break
            yield self._page(ids, lost, is_run=True)
            after = ids[-1]
        with joined_whole(self._connection):
            strays = persons_without_account(self._connection, self._region)
        yield from self._pages({*strays, *lost.values()} - set(self._known(lost.values())), lost)

    def some(self, person_ids: Iterable[str]) -> Iterator[list[KeptPerson]]:
        """Yields the persons who have one of some records, each once, in pages."""
        yield from self._pages(person_ids, {})

    def _pages(
        self, person_ids: Iterable[str], lost: Mapping[str, str]
    ) -> Iterator[list[KeptPerson]]:
        ids = sorted(set(map(self._holder_of, person_ids)))
        for at in range(0, len(ids), PERSONS_A_PAGE):
            yield self._page(ids[at : at + PERSONS_A_PAGE], lost, is_run=False)

    def _holder_of(self, person_id: str) -> str:
        return [person_id, *later_of(self._merged, person_id)][-1]

    def _known(self, person_ids: Iterable[str]) -> list[str]:
        """Returns which of some persons have an account."""
        rows = self._of_persons(tables.person_standing, ("person_id",), sorted(set(person_ids)))
        return [row[0] for row in rows]

    def _page(
        self, ids: Sequence[str], lost: Mapping[str, str], *, is_run: bool
    ) -> list[KeptPerson]:
        """Returns the persons of some records; `is_run` where nobody else lies between them."""
        with looked_up(self._connection):
            return self._looked_up(ids, lost, is_run=is_run)

    def _looked_up(
        self, ids: Sequence[str], lost: Mapping[str, str], *, is_run: bool
    ) -> list[KeptPerson]:
        persons: dict[str, KeptPerson] = {}
        for holder_id in map(self._holder_of, ids):
            records = self._records.get(holder_id, [])
            if holder_id not in self._read:
                persons[holder_id] = KeptPerson(holder_id, (*records, holder_id))
            if records:
                self._read.add(holder_id)
        of_record = {each: person for person in persons.values() for each in person.person_ids}
        self._read_accounts(of_record)
        own = self.entries.of_persons(list(of_record))
        for entry in own:
            of_record[entry.account_id.partition(":")[2]].entries.append(entry)
        visits = {
            row[0]: visit_from(row)
            for row in self._of_persons(tables.visit, VISIT_COLUMNS, list(of_record))
        }
        self._read_windows(of_record, visits, (ids[0], ids[-1]) if is_run else None)
        own_lost = {each: owner for each, owner in lost.items() if owner in of_record}
        for booked in booked_settlements(
            self._connection,
            self._region,
            visits,
            lost=own_lost,
            codes=self._codes,
            entries=self.entries,
            own=own,
        ):
            visit = booked.visit
            owner = own_lost[booked.settlement_id] if visit is None else visit.person_id
            of_record[owner].settlements.append(booked)
        self._read_holds(of_record)
        for statement in booked_statements(
            self._connection, self._region, self._statement_years, list(of_record)
        ):
            of_record[statement.person_id].statements.append(statement)
        for payment in payments_to(self._connection, self._region, list(of_record)):
            of_record[payment.receiver_id].family.append(payment)
        return list(persons.values())

    def _of_persons(
        self, table: sa.Table, columns: tuple[str, ...], person_ids: Sequence[str]
    ) -> list[Row]:
        return select_rows(
            self._connection,
            table,
            columns,
            region=self._region,
            key="person_id",
            among=person_ids,
        )

    def _read_accounts(self, of_record: Mapping[str, KeptPerson]) -> None:
        ids = list(of_record)
        for row in self._of_persons(tables.person_standing, _STANDING, ids):
            person_id, balance_fen, carried_fen, year, accumulators, hold_expire_time = row
            person = of_record[person_id]
            if hold_expire_time is not None:
                person.hold_ends[person_id] = hold_expire_time
            person.purses[person_id] = Purses(balance_fen - carried_fen, carried_fen)
            if year:
                person.years[person_id, year] = _kept(accumulators)
        for person_id, year, accumulators in self._of_persons(tables.closed_year, _YEAR, ids):
            of_record[person_id].years[person_id, year] = _kept(accumulators)

    def _read_holds(self, of_record: Mapping[str, KeptPerson]) -> None:
        held, lost = readable_of(self._connection, self._region, list(of_record))
        for hold in held:
            of_record[hold.holder_id].held.append(hold)
        for hold_id, holder_id in lost:
            of_record[holder_id].lost_hold_ids.append(hold_id)
        owners = {
            booked.record.former_place: person
            for person in of_record.values()
            for booked in person.settlements
            if booked.record is not None and booked.record.former_place is not None
        }
        for hold_id in confirmed_at(self._connection, self._region, owners):
            owners[hold_id].confirmed_hold_ids.add(hold_id)

    def _read_windows(
        self,
        of_record: Mapping[str, KeptPerson],
        visits: Mapping[str, Visit],
        run: tuple[str, str] | None,
    ) -> None:
        """Reads the windows of stays, and those of months: of a run of records at once."""
        table = tables.benefit_window
        rows = select_rows(
            self._connection,
            table,
            _WINDOW,
            region=self._region,
            key="scope",
            among=list(visits),
        )
        for scope, amounts in rows:
            of_record[visits[scope].person_id].scopes[scope] = _kept(amounts)
        ranges = [] if run is None else [run]
        # '0' follows '/'.
        ranges += [(each, each) for each in of_record if not (run and run[0] <= each <= run[1])]
        for first, last in ranges:
            query = sa.select(table.c.scope, table.c.amounts).where(
                table.c.region == self._region,
                table.c.scope >= f"{first}/",
                table.c.scope < f"{last}0",
                table.c.scope.contains("/", autoescape=True),
            )
            for scope, amounts in self._connection.execute(query):
                owner = scope.partition("/")[0]
                if owner in of_record:
                    of_record[owner].scopes[scope] = _kept(amounts)


_YEAR = ("person_id", "benefit_year", "accumulators")
_WINDOW = ("scope", "amounts")


def later_of(merged: Mapping[str, str], person_id: str) -> list[str]:
    """Returns who took a record's account over, and who took theirs, the last one last."""
    found: list[str] = []
    while person_id in merged and merged[person_id] not in found:
        person_id = merged[person_id]
        found.append(person_id)
    return found


def persons_without_account(connection: sa.Connection, region: str) -> list[str]:
    """Returns persons of whom visits or years are stored, and no account."""
    standing, visit, closed = tables.person_standing.c, tables.visit.c, tables.closed_year.c
    known = sa.select(standing.person_id).where(standing.region == region)
    found: set[str] = set()
    for columns in (visit, closed):
        query = sa.select(columns.person_id).where(columns.region == region).except_(known)
        found.update(connection.execute(query).scalars())
    return sorted(found)


def lost_settlements(connection: sa.Connection, region: str) -> dict[str, str]:
    """Returns settlements whose visit there is not, with their persons."""
    settlement, visit = tables.settlement.c, tables.visit.c
    rows = connection.execute(
        sa.select(settlement.settlement_id, settlement.person_id)
        .join_from(
            tables.settlement,
            tables.visit,
            sa.and_(settlement.region == visit.region, settlement.visit_id == visit.visit_id),
            isouter=True,
        )
        .where(settlement.region == region, visit.visit_id.is_(None))
    )
    return {row.settlement_id: row.person_id for row in rows}


def _kept(stored: str) -> Kept:
    """Returns amounts by name; None where they cannot be read."""
    try:
        return amounts_from(stored)
    except InvariantError:
        return None
