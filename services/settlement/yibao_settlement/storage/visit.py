"""Visits as stored."""

from collections.abc import Iterator
from typing import Any

from yibao_common.db.rows import Insert, Row, Statement, Update
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted
from yibao_settlement.storage.enrolment import groups_from

VISIT_COLUMNS = (
    *("visit_id", "person_id", "institution_id", "provider_visit_number", "care_type"),
    *("start_date", "birth_date", "insurance_type", "person_class", "entitlement_groups"),
    *("institution_level", "register_time", "cancel_time", "cancelled_by"),
)


def visit_from(row: Row) -> Visit:
    """Returns the visit in a row of VISIT_COLUMNS."""
    values: dict[str, Any] = dict(zip(VISIT_COLUMNS, row, strict=True))
    values["entitlement_groups"] = groups_from(values["entitlement_groups"])
    return Visit(**values)


def visit_row(visit: Visit) -> Row:
    """Returns a row of VISIT_COLUMNS."""
    return (
        visit.visit_id,
        visit.person_id,
        visit.institution_id,
        visit.provider_visit_number,
        visit.care_type,
        visit.start_date,
        visit.birth_date,
        visit.insurance_type,
        visit.person_class,
        ",".join(visit.entitlement_groups),
        visit.institution_level,
        visit.register_time,
        visit.cancel_time,
        visit.cancelled_by,
    )


def read_visits(wanted: Wanted) -> tuple[Read, Read]:
    """Reads the visits that are named, and those that stand with a number that is."""
    needs = wanted.needs
    return (
        Read(wanted.select(tables.visit, VISIT_COLUMNS, "visit_id", needs.visit_ids), _keep_visits),
        Read(
            wanted.select(
                tables.visit,
                ("institution_id", "provider_visit_number", "visit_id"),
                "provider_visit_number",
                needs.visit_numbers,
                null="cancel_time",
            ),
            _keep_numbers,
        ),
    )


def write_visits(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the visits that were cancelled, then those registered with a freed number."""
    region = working_set.region
    yield Update(
        tables.visit,
        ("region", "visit_id"),
        ("cancel_time", "cancelled_by"),
        [
            (region, visit.visit_id, visit.cancel_time, visit.cancelled_by)
            for visit in working_set.changes.cancelled_visits
        ],
    )
    yield Insert(
        tables.visit,
        ("region", *VISIT_COLUMNS),
        [(region, *visit_row(visit)) for visit in working_set.changes.visits],
    )


def _keep_visits(working_set: WorkingSet, rows: list[Row]) -> None:
    working_set.visits.update((row[0], visit_from(row)) for row in rows)


def _keep_numbers(working_set: WorkingSet, rows: list[Row]) -> None:
    for institution_id, number, visit_id in rows:
        working_set.visit_numbers[institution_id, number] = visit_id
