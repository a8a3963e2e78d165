"""Persons and their periods of cover as stored; the feed tells of them."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Row, Select, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.enrolment import Counted, Enrolment, RegisteredDisease
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted

ENROLMENT_COLUMNS = (
    *("person_id", "enrolment_id", "insurance_type", "person_class", "entitlement_groups"),
    *("status", "start_date", "end_date", "has_employer", "is_premium_pending"),
    *("tier", "insured_months_before", "months_owing", "years_unclaimed"),
)

# What the annual close of accounts counted of a person.
COUNTED_COLUMNS = (
    *("person_id", "counted_type", "benefit_year", "months_insured", "years_unclaimed"),
)

_encode = msgspec.json.Encoder().encode
_diseases = msgspec.json.Decoder(tuple[RegisteredDisease, ...]).decode


def groups_from(text: str) -> tuple[str, ...]:
    """Returns entitlement groups as stored: codes joined by commas."""
    return tuple(text.split(",")) if text else ()


def diseases_from(text: str | None) -> tuple[RegisteredDisease, ...]:
    """Returns registered diseases as stored."""
    return _diseases(text) if text else ()


def diseases_text(diseases: Sequence[RegisteredDisease]) -> str | None:
    """Returns registered diseases as they are stored, None for none."""
    return _encode(diseases).decode() if diseases else None


def with_counted(
    enrolments: Mapping[str, Sequence[Enrolment]], rows: Iterable[Row]
) -> dict[str, list[Enrolment]]:
    """Returns periods with what closes counted of their persons, by rows of COUNTED_COLUMNS."""
    found: dict[tuple[str, str], tuple[Counted, ...]] = {}
    for person_id, counted_type, benefit_year, months_insured, years_unclaimed in rows:
        if counted_type is not None:
            key = person_id, counted_type
            # Of the year behind the one that was closed.
            counted = Counted(benefit_year + 1, months_insured, years_unclaimed)
            found[key] = (*found.get(key, ()), counted)
    return {
        person_id: [
            each._replace(counted=found.get((person_id, each.insurance_type), ()))
            for each in periods
        ]
        for person_id, periods in enrolments.items()
    }


def find_counted(
    connection: sa.Connection, region: str, person_ids: Sequence[str]
) -> Sequence[Row]:
    """Returns what closes counted of persons, rows of COUNTED_COLUMNS."""
    select = Select(
        *(tables.closed_account, COUNTED_COLUMNS, region, "person_id", person_ids),
        filled="counted_type",
    )
    return execute(connection, [select])[0]


def read_counted(wanted: Wanted) -> Read:
    """Reads what closes counted of the persons: their periods are read before."""
    return Read(
        wanted.select(tables.closed_account, COUNTED_COLUMNS, "person_id", wanted.person_ids),
        _keep_counted,
    )


def _keep_counted(working_set: WorkingSet, rows: list[Row]) -> None:
    if rows:
        working_set.enrolments.update(with_counted(working_set.enrolments, rows))


def enrolments_from(rows: Iterable[Row]) -> dict[str, list[Enrolment]]:
    """Returns the periods in rows of ENROLMENT_COLUMNS by person."""
    found: dict[str, list[Enrolment]] = {}
    for person_id, enrolment_id, insurance_type, person_class, groups, *rest in rows:
        enrolment = Enrolment(
            enrolment_id, insurance_type, person_class, groups_from(groups), *rest
        )
        found.setdefault(person_id, []).append(enrolment)
    return found


def read_enrolments(wanted: Wanted) -> tuple[Read, Read]:
    """Reads the persons' periods and diseases, and when they were born and died."""
    lives = ("person_id", "birth_date", "death_date", "diseases")
    return (
        Read(
            wanted.select(tables.enrolment, ENROLMENT_COLUMNS, "person_id", wanted.person_ids),
            _keep_enrolments,
        ),
        Read(
            wanted.select(tables.person, lives, "person_id", wanted.person_ids),
            _keep_lives,
        ),
    )


def _keep_enrolments(working_set: WorkingSet, rows: list[Row]) -> None:
    working_set.enrolments.update(enrolments_from(rows))


def _keep_lives(working_set: WorkingSet, rows: list[Row]) -> None:
    for person_id, birth_date, death_date, diseases in rows:
        working_set.birth_dates[person_id] = birth_date
        if death_date is not None:
            working_set.death_dates[person_id] = death_date
        if diseases:
            working_set.diseases[person_id] = diseases_from(diseases)
