"""A batch's transaction: what it locks and reads, and what it writes.

First the persons concerned are found, then their standings are locked in the order of
their ids, and only then everything that commands could change is read, by statements of
their own: under READ COMMITTED a later statement sees what the lock's last holder wrote,
a join in the locking statement would not.
"""

import contextlib
import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from yibao_common.answers import Answer
from yibao_common.database import Database
from yibao_common.rows import insert_rows, select_rows
from yibao_settlement.application.commands import (
    Command,
    CreditAccount,
    RegisterVisit,
    ReverseSettlement,
    SettleBill,
)
from yibao_settlement.application.records import SettlementRow
from yibao_settlement.application.working_set import WorkingSet
from yibao_settlement.rules.standing import EPOCH, Accumulators, Standing
from yibao_settlement.rules.visit import Enrolment, Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.reference import ReferenceCache
from yibao_settlement.storage.writes import write_changes

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
    "subject",
    "credential_usable",
    "birth_date",
    "insurance_type",
    "person_class",
    "entitlement_groups",
    "status",
    "start_date",
)
STANDING_COLUMNS = (
    "person_id",
    "balance_fen",
    "benefit_year",
    "accumulators",
    "newest_code_time",
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
    def begin(self, region: str, now: dt.datetime) -> Iterator["_Transaction"]:
        """Gives a transaction that commits durably when the block ends without error."""
        with self._database.write() as connection:
            yield _Transaction(connection, self._reference, region, now)


class _Transaction:
    """One batch in one region."""

    def __init__(
        self,
        connection: sa.Connection,
        reference: ReferenceCache,
        region: str,
        now: dt.datetime,
    ) -> None:
        self._connection = connection
        self._reference = reference
        self._region = region
        self._now = now

    def load(self, commands: Sequence[Command]) -> WorkingSet:
        """Locks the standing of every person concerned, then reads the rest."""
        settles = [command for command in commands if isinstance(command, SettleBill)]
        registers = [command for command in commands if isinstance(command, RegisterVisit)]
        reversals = [command for command in commands if isinstance(command, ReverseSettlement)]
        credits = [command for command in commands if isinstance(command, CreditAccount)]

        reference = self._reference.view(
            self._connection,
            self._region,
            {line.item_code for command in settles for line in command.bill.lines},
        )
        visits = self._visits({command.bill.visit_id for command in settles})
        persons_by_subject = self._subjects({command.code.subject for command in registers})
        settlement_ids = {command.settlement_id for command in reversals}
        person_ids = {visit.person_id for visit in visits.values()}
        person_ids.update(persons_by_subject.values())
        person_ids.update(command.person_id for command in credits)
        person_ids.update(self._persons_of(settlement_ids))

        standings = self._lock_standings(person_ids)
        # Only statements from here on see what the last holder of the locks wrote.
        settlements, settled_bills = self._settlements(settlement_ids, visits)
        years = {command.bill.service_date.year for command in settles}
        years.update(row.benefit_year for row in settlements.values())
        reversed_requests = {
            settlements[settlement_id].request_id
            for settlement_id in settlement_ids & settlements.keys()
        }
        answers = self._answers({command.request_id for command in commands} | reversed_requests)
        return WorkingSet(
            region=self._region,
            now=self._now,
            reference=reference,
            answers=answers,
            visits=visits,
            visit_numbers=self._visit_numbers(registers),
            enrolments=self._enrolments(person_ids),
            persons_by_subject=persons_by_subject,
            standings=standings,
            closed_years=self._closed_years(standings, years),
            used_codes=self._used_codes(
                {command.code.code_id for command in settles}
                | {command.code.code_id for command in registers}
            ),
            settlements=settlements,
            settled_bills=settled_bills,
            settle_responses={
                request_id: answers[request_id].response for request_id in reversed_requests
            },
        )

    def store(self, working_set: WorkingSet) -> None:
        """Writes what the commands changed."""
        write_changes(self._connection, working_set)

    def _visits(self, visit_ids: set[str]) -> dict[str, Visit]:
        rows = select_rows(
            self._connection,
            tables.visit,
            VISIT_COLUMNS,
            region=self._region,
            key="visit_id",
            among=visit_ids,
        )
        return {row[0]: visit_from(row) for row in rows}

    def _visit_numbers(self, registers: Sequence[RegisterVisit]) -> dict[tuple[str, str], str]:
        rows = select_rows(
            self._connection,
            tables.visit,
            ("institution_id", "provider_visit_number", "visit_id"),
            region=self._region,
            key="provider_visit_number",
            among={command.provider_visit_number for command in registers},
        )
        return {(row[0], row[1]): row[2] for row in rows}

    def _subjects(self, subjects: set[str]) -> dict[str, str]:
        rows = select_rows(
            self._connection,
            tables.enrolment,
            ("subject", "person_id"),
            region=self._region,
            key="subject",
            among=subjects,
        )
        return {row[0]: row[1] for row in rows}

    def _enrolments(self, person_ids: set[str]) -> dict[str, Enrolment]:
        rows = select_rows(
            self._connection,
            tables.enrolment,
            ENROLMENT_COLUMNS,
            region=self._region,
            key="person_id",
            among=person_ids,
        )
        return {row[0]: enrolment_from(row) for row in rows}

    def _persons_of(self, settlement_ids: set[str]) -> set[str]:
        rows = select_rows(
            self._connection,
            tables.settlement,
            ("person_id",),
            region=self._region,
            key="settlement_id",
            among=settlement_ids,
        )
        return {row[0] for row in rows}

    def _lock_standings(self, person_ids: set[str]) -> dict[str, Standing]:
        found = self._select_standings(person_ids)
        missing = sorted(person_ids - found.keys())
        if missing:
            # A row to lock: without it two processes would each see a person of whom
            # nothing is booked yet.
            insert_rows(
                self._connection,
                tables.person_standing,
                ("region", *STANDING_COLUMNS),
                [(self._region, person_id, 0, 0, "{}", EPOCH) for person_id in missing],
                skip_existing=True,
            )
            found = self._select_standings(person_ids)
        assert found.keys() == person_ids
        return found

    def _select_standings(self, person_ids: set[str]) -> dict[str, Standing]:
        rows = select_rows(
            self._connection,
            tables.person_standing,
            STANDING_COLUMNS,
            region=self._region,
            key="person_id",
            among=sorted(person_ids),
            order_by=("person_id",),
            for_update=True,
        )
        return {row[0]: standing_from(row) for row in rows}

    def _settlements(
        self, settlement_ids: set[str], visits: Mapping[str, Visit]
    ) -> tuple[dict[str, SettlementRow], dict[tuple[str, str], str]]:
        asked = select_rows(
            self._connection,
            tables.settlement,
            _SETTLEMENT_COLUMNS,
            region=self._region,
            key="settlement_id",
            among=settlement_ids,
        )
        of_visits = select_rows(
            self._connection,
            tables.settlement,
            ("visit_id", "bill_number", "settlement_id"),
            region=self._region,
            key="visit_id",
            among=visits,
            null="reversal_id",
        )
        settled_bills = {(row[0], row[1]): row[2] for row in of_visits}
        return {row[0]: _settlement_from(row) for row in asked}, settled_bills

    def _answers(self, request_ids: set[str]) -> dict[str, Answer]:
        rows = select_rows(
            self._connection,
            tables.answer,
            ("request_id", "digest", "response"),
            region=self._region,
            key="request_id",
            among=request_ids,
        )
        return {row[0]: Answer(row[0], bytes(row[1]), bytes(row[2])) for row in rows}

    def _used_codes(self, code_ids: set[str]) -> set[tuple[str, str]]:
        rows = select_rows(
            self._connection,
            tables.used_code,
            ("subject", "code_id"),
            region=self._region,
            key="code_id",
            among=code_ids,
        )
        return {(row[0], row[1]) for row in rows}

    def _closed_years(
        self, standings: Mapping[str, Standing], years: set[int]
    ) -> dict[tuple[str, int], Accumulators]:
        # Only a person whose current year differs from a bill's can need another year.
        concerned = {
            person_id
            for person_id, standing in standings.items()
            if standing.benefit_year and years - {standing.benefit_year}
        }
        rows = select_rows(
            self._connection,
            tables.closed_year,
            ("person_id", "benefit_year", "accumulators"),
            region=self._region,
            key="person_id",
            among=concerned,
        )
        return {(row[0], row[1]): json.loads(row[2]) for row in rows}


def groups_from(text: str) -> tuple[str, ...]:
    """Returns entitlement groups as stored: codes joined by commas."""
    return tuple(text.split(",")) if text else ()


def visit_from(row: tuple[object, ...]) -> Visit:
    """Builds a visit from a row of VISIT_COLUMNS."""
    values = list(row)
    values[9] = groups_from(str(values[9]))
    return Visit(*values)  # type: ignore[arg-type]


def enrolment_from(row: tuple[object, ...]) -> Enrolment:
    """Builds an enrolment from a row of ENROLMENT_COLUMNS."""
    values = list(row)
    values[6] = groups_from(str(values[6]))
    return Enrolment(*values)  # type: ignore[arg-type]


def standing_from(row: tuple[object, ...]) -> Standing:
    """Builds a standing from a row of STANDING_COLUMNS."""
    values = list(row)
    values[3] = json.loads(str(values[3]))
    return Standing(*values)  # type: ignore[arg-type]


def _settlement_from(row: tuple[object, ...]) -> SettlementRow:
    values = list(row)
    values[8] = json.loads(str(values[8]))
    values[9] = json.loads(str(values[9]))
    return SettlementRow(*values)  # type: ignore[arg-type]
