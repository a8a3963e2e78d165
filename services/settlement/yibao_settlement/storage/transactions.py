"""A batch's transaction: what it locks and reads, and what it writes.

First the persons concerned are found, then their standings are locked in the order of
their ids, and only then everything that commands could change is read, by statements of
their own: under READ COMMITTED a later statement sees what the lock's last holder wrote,
a join in the locking statement would not.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from yibao_common.commands.request import Answer
from yibao_common.db.database import Database
from yibao_common.db.rows import Insert, Row, Select, execute
from yibao_common.values.clock import Clock
from yibao_common.values.errors import TransientError
from yibao_settlement.application.commands import (
    Command,
    CreditAccount,
    RegisterVisit,
    ReverseSettlement,
    SettleBill,
)
from yibao_settlement.application.records import SettlementRow
from yibao_settlement.application.working_set import WorkingSet
from yibao_settlement.rules.credential import Credential
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.standing import Accumulators, Standing, new_standing
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.merge import survivors_of
from yibao_settlement.storage.reference import ReferenceCache
from yibao_settlement.storage.writes import writes_of

VISIT_COLUMNS = (
    "visit_id",
    "person_id",
    "institution_id",
    "provider_visit_number",
    "care_type",
    "start_date",
    "birth_date",
    "insurance_type",
    "person_class",
    "entitlement_groups",
    "institution_level",
    "register_time",
)
ENROLMENT_COLUMNS = (
    "person_id",
    "enrolment_id",
    "insurance_type",
    "person_class",
    "entitlement_groups",
    "status",
    "start_date",
    "end_date",
    "has_employer",
    "is_premium_pending",
)
_CREDENTIAL_COLUMNS = ("subject", "person_id", "kind", "state")
STANDING_COLUMNS = (
    "person_id",
    "balance_fen",
    "benefit_year",
    "accumulators",
    "newest_codes",
    "merged_into",
)
_SETTLEMENT_COLUMNS = (
    "settlement_id",
    "request_id",
    "visit_id",
    "bill_number",
    "person_id",
    "institution_id",
    "benefit_year",
    "account_fen",
    "accumulations",
    "fund_amounts",
    "reversal_id",
)


class SettlementTransactions:
    """Begins the transactions of the settlement service's batches."""

    def __init__(self, database: Database, reference: ReferenceCache) -> None:
        """Takes the database and the reference data kept of it."""
        self._database = database
        self._reference = reference

    @contextlib.contextmanager
    def begin(self, region: str, clock: Clock) -> Iterator["_Transaction"]:
        """Gives a transaction that commits durably when the block ends without error."""
        with self._database.write() as connection:
            yield _Transaction(connection, self._reference, region, clock)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the commands of a batch name."""

    visit_ids: tuple[str, ...]
    # Of codes that register visits, and of all codes.
    registering_subjects: tuple[str, ...]
    subjects: tuple[str, ...]
    settlement_ids: tuple[str, ...]
    person_ids: tuple[str, ...]
    request_ids: tuple[str, ...]
    code_ids: tuple[str, ...]
    visit_numbers: tuple[str, ...]
    item_codes: frozenset[str]
    years: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Found:
    """What does not change once it is stored, and whose standings are to be locked."""

    visits: dict[str, Visit]
    persons_by_subject: dict[str, str]
    # The requests whose answers hold the settlements to be reversed.
    settle_requests: tuple[str, ...]
    # The persons of these settlements, to who stands in their place: mostly they themselves.
    survivors: dict[str, str]
    person_ids: set[str]


class _Transaction:
    """One batch in one region."""

    def __init__(
        self,
        connection: sa.Connection,
        reference: ReferenceCache,
        region: str,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._reference = reference
        self._region = region
        self._clock = clock
        # Persons whose standing this transaction inserted, to have a row to lock.
        self._new_person_ids: set[str] = set()

    def load(self, commands: Sequence[Command]) -> WorkingSet:
        """Locks the standing of every person concerned, then reads the rest."""
        asked = _asked_by(commands)
        found = self._find(asked)
        standings = self._lock_standings(found.person_ids)
        if any(standings[each].merged_into for each in found.survivors.values()):
            raise TransientError("the account moved on while it was waited for")
        # Only statements from here on see what the last holder of the locks wrote.
        return self._read(asked, found, standings)

    def store(self, working_set: WorkingSet) -> None:
        """Writes what the commands changed, and nothing of those that were refused."""
        self._drop_standings(self._new_person_ids - working_set.changes.person_ids)
        execute(self._connection, writes_of(working_set))

    def _select(
        self,
        table: sa.Table,
        columns: tuple[str, ...],
        key: str,
        among: Iterable[str],
        *,
        null: str | None = None,
    ) -> Select:
        return Select(table, columns, self._region, key, tuple(among), null)

    def _find(self, asked: _Asked) -> _Found:
        visit_rows, subjects, settled = execute(
            self._connection,
            [
                self._select(tables.visit, VISIT_COLUMNS, "visit_id", asked.visit_ids),
                self._select(
                    tables.credential,
                    ("subject", "person_id"),
                    "subject",
                    asked.registering_subjects,
                ),
                self._select(
                    tables.settlement,
                    ("person_id", "request_id"),
                    "settlement_id",
                    asked.settlement_ids,
                ),
            ],
        )
        visits = {row[0]: visit_from(row) for row in visit_rows}
        persons_by_subject = {row[0]: row[1] for row in subjects}
        person_ids = {visit.person_id for visit in visits.values()}
        person_ids.update(persons_by_subject.values(), asked.person_ids)
        reversed_ids = {row[0] for row in settled}
        merged = survivors_of(self._connection, self._region, reversed_ids)
        survivors = {each: merged.get(each, each) for each in reversed_ids}
        person_ids.update(reversed_ids, survivors.values())
        requests = tuple(row[1] for row in settled)
        return _Found(visits, persons_by_subject, requests, survivors, person_ids)

    def _lock_standings(self, person_ids: set[str]) -> dict[str, Standing]:
        lock = Select(
            tables.person_standing,
            STANDING_COLUMNS,
            self._region,
            "person_id",
            sorted(person_ids),
            order_by=("person_id",),
            for_update=True,
        )
        (rows,) = execute(self._connection, [lock])
        missing = sorted(person_ids - {row[0] for row in rows})
        if missing:
            # A row to lock: without it two processes would each see a person of whom
            # nothing is booked yet.
            new = [(self._region, person_id, 0, 0, "{}", "{}", None) for person_id in missing]
            insert = Insert(
                tables.person_standing, ("region", *STANDING_COLUMNS), new, skip_existing=True
            )
            _, rows = execute(self._connection, [insert, lock])
        standings = {row[0]: standing_from(row) for row in rows}
        assert standings.keys() == person_ids
        # Where another process was first, it booked something.
        self._new_person_ids = {
            person_id for person_id in missing if standings[person_id] == new_standing(person_id)
        }
        return standings

    def _drop_standings(self, person_ids: set[str]) -> None:
        if person_ids:
            table = tables.person_standing
            self._connection.execute(
                sa.delete(table).where(
                    table.c.region == self._region, table.c.person_id.in_(sorted(person_ids))
                )
            )

    def _selects(self, asked: _Asked, found: _Found) -> list[Select]:
        """Returns what is read under the locks, in the order in which `_read` takes it."""
        return [
            self._select(tables.reference_epoch, ("epoch",), "region", (self._region,)),
            self._select(
                tables.settlement,
                _SETTLEMENT_COLUMNS,
                "settlement_id",
                asked.settlement_ids,
            ),
            self._select(
                tables.settlement,
                ("visit_id", "bill_number", "settlement_id"),
                "visit_id",
                found.visits,
                null="reversal_id",
            ),
            self._select(
                tables.answer,
                ("request_id", "digest", "response", "method"),
                "request_id",
                {*asked.request_ids, *found.settle_requests},
            ),
            self._select(
                tables.visit,
                ("institution_id", "provider_visit_number", "visit_id"),
                "provider_visit_number",
                asked.visit_numbers,
            ),
            self._select(tables.enrolment, ENROLMENT_COLUMNS, "person_id", found.person_ids),
            self._select(tables.credential, _CREDENTIAL_COLUMNS, "subject", asked.subjects),
            self._select(
                tables.person,
                ("person_id", "birth_date"),
                "person_id",
                set(found.persons_by_subject.values()),
            ),
            self._select(tables.used_code, ("signer", "code_id"), "code_id", asked.code_ids),
        ]

    def _read(self, asked: _Asked, found: _Found, standings: dict[str, Standing]) -> WorkingSet:
        rows = execute(self._connection, self._selects(asked, found))
        epochs, settled, of_visits, answers, numbers, *of_persons = rows
        enrolments, credentials, births, codes = of_persons
        settlements = {row[0]: _settlement_from(row) for row in settled}
        years = asked.years | {row.benefit_year for row in settlements.values()}
        known = {row[0]: Answer(row[0], bytes(row[1]), bytes(row[2]), row[3]) for row in answers}
        return WorkingSet(
            region=self._region,
            # Taken after the wait for the locks, as all that decides is.
            now=self._clock(),
            reference=self._reference.view(
                self._connection,
                self._region,
                asked.item_codes,
                epoch=epochs[0][0] if epochs else 0,
            ),
            answers=known,
            visits=found.visits,
            visit_numbers={(row[0], row[1]): row[2] for row in numbers},
            enrolments=enrolments_from(enrolments),
            credentials={row[0]: Credential(*row) for row in credentials},
            persons_by_subject=found.persons_by_subject,
            birth_dates={row[0]: row[1] for row in births},
            survivors=found.survivors,
            standings=standings,
            closed_years=self._closed_years(standings, years),
            used_codes={(row[0], row[1]) for row in codes},
            settlements=settlements,
            settled_bills={(row[0], row[1]): row[2] for row in of_visits},
            settle_responses={each: known[each].response for each in found.settle_requests},
        )

    def _closed_years(
        self, standings: Mapping[str, Standing], years: frozenset[int]
    ) -> dict[tuple[str, int], Accumulators]:
        # Only a person whose current year differs from a bill's can need another year.
        concerned = {
            person_id
            for person_id, standing in standings.items()
            if standing.benefit_year and years - {standing.benefit_year}
        }
        columns = ("person_id", "benefit_year", "accumulators")
        select = self._select(tables.closed_year, columns, "person_id", concerned)
        (rows,) = execute(self._connection, [select])
        return {(row[0], row[1]): json.loads(row[2]) for row in rows}


def _asked_by(commands: Sequence[Command]) -> _Asked:
    settles = [command for command in commands if isinstance(command, SettleBill)]
    registers = [command for command in commands if isinstance(command, RegisterVisit)]
    codes = [command.code for command in settles] + [command.code for command in registers]
    return _Asked(
        visit_ids=tuple({command.bill.visit_id for command in settles}),
        registering_subjects=tuple(
            {each.code.subject for each in registers if isinstance(each.code, PresentedCode)}
        ),
        subjects=tuple({code.subject for code in codes if isinstance(code, PresentedCode)}),
        settlement_ids=tuple(
            {each.settlement_id for each in commands if isinstance(each, ReverseSettlement)}
        ),
        person_ids=tuple({each.person_id for each in commands if isinstance(each, CreditAccount)}),
        request_ids=tuple({command.request_id for command in commands}),
        code_ids=tuple({code.code_id for code in codes if isinstance(code, PresentedCode)}),
        visit_numbers=tuple({command.provider_visit_number for command in registers}),
        item_codes=frozenset(
            [line.item_code for command in settles for line in command.bill.lines]
        ),
        years=frozenset([command.bill.service_date.year for command in settles]),
    )


def groups_from(text: str) -> tuple[str, ...]:
    """Returns entitlement groups as stored: codes joined by commas."""
    return tuple(text.split(",")) if text else ()


def visit_from(row: tuple[object, ...]) -> Visit:
    """Builds a visit from a row of VISIT_COLUMNS."""
    values = list(row)
    values[9] = groups_from(str(values[9]))
    return Visit(*values)  # type: ignore[arg-type]


def enrolments_from(rows: Sequence[Row]) -> dict[str, list[Enrolment]]:
    """Returns the periods in rows of ENROLMENT_COLUMNS by person."""
    found: dict[str, list[Enrolment]] = {}
    for person_id, enrolment_id, insurance_type, person_class, groups, *rest in rows:
        enrolment = Enrolment(
            enrolment_id, insurance_type, person_class, groups_from(groups), *rest
        )
        found.setdefault(person_id, []).append(enrolment)
    return found


def standing_from(row: Row) -> Standing:
    """Builds a standing from a row of STANDING_COLUMNS."""
    person_id, balance_fen, benefit_year, accumulators, newest_codes, merged_into = row
    return Standing(
        person_id,
        balance_fen,
        benefit_year,
        json.loads(accumulators),
        json.loads(newest_codes),
        merged_into,
    )


def _settlement_from(row: tuple[object, ...]) -> SettlementRow:
    values = list(row)
    values[8] = json.loads(str(values[8]))
    values[9] = json.loads(str(values[9]))
    return SettlementRow(*values)  # type: ignore[arg-type]
