"""Enrolment periods: what stands, and their rows."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows, select_rows, update_rows
from yibao_identity.rules.enrolment import Enrolment, EnrolmentStatus, in_order
from yibao_identity.storage import tables

_COLUMNS = (
    "person_id",
    "insurance_type",
    "person_class",
    "entitlement_groups",
    "status",
    "start_date",
    "end_date",
    "employer_code",
    "is_premium_required",
    "premium_receive_date",
    "enrolment_id",
    "record_time",
    "recorded_by",
    "replace_time",
    "payment_reference",
)


def standing_enrolments(
    connection: sa.Connection, region: str, person_ids: Collection[str]
) -> Mapping[str, tuple[Enrolment, ...]]:
    """Returns the periods that stand, by person, for each of `person_ids` (none twice)."""
    found: dict[str, list[Enrolment]] = defaultdict(list)
    rows = select_rows(
        connection,
        tables.enrolment,
        _COLUMNS,
        region=region,
        key="person_id",
        among=person_ids,
        null="replace_time",
    )
    for person_id, *values in rows:
        found[person_id].append(enrolment_from(values))
    return {person_id: in_order(found[person_id]) for person_id in person_ids}


def every_enrolment(
    connection: sa.Connection, region: str, person_id: str
) -> tuple[Enrolment, ...]:
    """Returns every period that was ever recorded of a person, in the order of recording."""
    table = tables.enrolment.c
    query = (
        sa.select(*(table[name] for name in _COLUMNS))
        .where(table.region == region, table.person_id == person_id)
        .order_by(table.record_time, table.start_date, table.enrolment_id)
    )
    rows = connection.execute(query)
    return tuple(enrolment_from(list(row[1:])) for row in rows)


def replace_enrolments(
    connection: sa.Connection, region: str, enrolment_ids: Sequence[str], *, now: dt.datetime
) -> None:
    """Notes that periods no longer stand; they stay as history."""
    update_rows(
        connection,
        tables.enrolment,
        keys=("region", "enrolment_id"),
        values=("replace_time",),
        rows=[(region, enrolment_id, now) for enrolment_id in enrolment_ids],
    )


def add_enrolment(
    connection: sa.Connection, region: str, person_id: str, enrolment: Enrolment, explanation: str
) -> None:
    """Stores a new period, which has its id, time and recorder."""
    assert enrolment.enrolment_id
    assert enrolment.record_time is not None
    values = (
        person_id,
        enrolment.insurance_type,
        enrolment.person_class,
        ",".join(enrolment.entitlement_groups),
        enrolment.status.value,
        enrolment.start_date,
        enrolment.end_date,
        enrolment.employer_code,
        enrolment.is_premium_required,
        enrolment.premium_receive_date,
        enrolment.enrolment_id,
        enrolment.record_time,
        enrolment.recorded_by,
        None,
        enrolment.payment_reference,
    )
    columns = ("region", *_COLUMNS, "explanation")
    insert_rows(connection, tables.enrolment, columns, [(region, *values, explanation)])


def enrolment_from(values: list[object]) -> Enrolment:
    """Builds a period from the values of a row."""
    insurance_type, person_class, groups, status, *rest = values
    return Enrolment(
        insurance_type,  # type: ignore[arg-type]
        person_class,  # type: ignore[arg-type]
        tuple(str(groups).split(",")) if groups else (),
        EnrolmentStatus(status),
        *rest,  # type: ignore[arg-type]
    )
