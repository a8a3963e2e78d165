"""Settlements that stand, read in pages for those who try a policy on them."""

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.db.rows import Select, execute
from yibao_common.values.calendar import shanghai_midnight
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.simulation import Insured, Period
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.enrolment import (
    ENROLMENT_COLUMNS,
    diseases_from,
    enrolments_from,
    find_counted,
    with_counted,
)
from yibao_settlement.storage.refund.record import with_refunds
from yibao_settlement.storage.settlement.record import (
    LINES_COLUMNS,
    SETTLEMENT_COLUMNS,
    lines_from,
    record_from,
)
from yibao_settlement.storage.visit import VISIT_COLUMNS, visit_from


class StoredHistory:
    """See `application.simulation.SettledHistory`; each read is a snapshot of its own."""

    def __init__(self, database: Database) -> None:
        """Takes the database."""
        self._database = database

    def ids(self, region: str, period: Period, *, most: int) -> list[str]:
        """Returns at most `most` settlements, by person, service date and time of settling."""
        column = tables.settlement.c
        query = (
            sa.select(column.settlement_id)
            .where(
                column.region == region,
                # No bill is settled before its service date: the index by time is read from there.
                column.settle_time >= shanghai_midnight(period.start_date),
                column.insurance_type == period.insurance_type,
                column.service_date >= period.start_date,
                column.service_date <= period.end_date,
                column.reversal_id.is_(None),
            )
            .order_by(
                column.person_id, column.service_date, column.settle_time, column.settlement_id
            )
            .limit(most)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def read(self, region: str, ids: Sequence[str]) -> list[tuple[SettlementRecord, Visit]]:
        """Returns settlements with their visits, in the order of `ids`; no reversed ones."""
        among = tuple(ids)
        if not among:
            return []
        with self._database.read() as connection:
            rows, lines = execute(
                connection,
                [
                    Select(tables.settlement, SETTLEMENT_COLUMNS, region, "settlement_id", among),
                    Select(tables.settlement_lines, LINES_COLUMNS, region, "settlement_id", among),
                ],
            )
            further = lines_from(lines)
            records = {row[1]: record_from(row, further.get(row[1], ())) for row in rows}
            records = with_refunds(connection, region, records)
            visit_ids = tuple({each.visit_id for each in records.values()})
            (found,) = execute(
                connection,
                [Select(tables.visit, VISIT_COLUMNS, region, "visit_id", visit_ids)],
            )
        visits = {row[0]: visit_from(row) for row in found}
        standing = [records[each] for each in among if each in records]
        return [(each, visits[each.visit_id]) for each in standing if each.reversal is None]

    def insured(self, region: str, person_ids: Iterable[str]) -> Mapping[str, Insured]:
        """Returns what is known of persons; of one that was merged, what is of the survivor."""
        with self._database.read() as connection:
            (persons,) = execute(
                connection,
                [
                    Select(
                        tables.person,
                        ("person_id", "merged_into"),
                        region,
                        "person_id",
                        tuple(person_ids),
                    )
                ],
            )
            holders = {person_id: merged_into or person_id for person_id, merged_into in persons}
            among = tuple(set(holders.values()))
            periods, held = execute(
                connection,
                [
                    Select(tables.enrolment, ENROLMENT_COLUMNS, region, "person_id", among),
                    Select(tables.person, ("person_id", "diseases"), region, "person_id", among),
                ],
            )
            counted = find_counted(connection, region, among)
        enrolments = with_counted(enrolments_from(periods), counted)
        diseases = {person_id: diseases_from(text) for person_id, text in held}
        return {
            person_id: Insured(enrolments.get(holder, ()), diseases.get(holder, ()))
            for person_id, holder in holders.items()
        }
