"""The feed of a region: what changed in its persons, in one line without gaps.

The head's row is locked from the moment a number is taken until the commit, so numbers
become visible in their order and none is ever missing, whatever process wrote it. Take a
number last in a transaction: everyone else who changes a person of the region waits.
"""

import datetime as dt

import sqlalchemy as sa

from yibao_common.rows import insert_rows
from yibao_identity.application.records import EnrolmentChange
from yibao_identity.rules.person import Enrolment, EnrolmentStatus
from yibao_identity.storage import tables

_CHANGE = tables.enrolment_change.c
_FACTS = (
    _CHANGE.sequence,
    _CHANGE.person_id,
    _CHANGE.subject,
    _CHANGE.birth_date,
    _CHANGE.insurance_type,
    _CHANGE.person_class,
    _CHANGE.entitlement_groups,
    _CHANGE.status,
    _CHANGE.start_date,
    _CHANGE.credential_usable,
)


def append_change(
    connection: sa.Connection,
    region: str,
    *,
    person_id: str,
    subject: str,
    birth_date: dt.date,
    enrolment: Enrolment,
    credential_usable: bool,
    now: dt.datetime,
    caller: str,
) -> EnrolmentChange:
    """Stores what stands for a person from now on, under the region's next number."""
    sequence = _next_sequence(connection, region)
    connection.execute(
        sa.insert(tables.enrolment_change).values(
            region=region,
            sequence=sequence,
            person_id=person_id,
            subject=subject,
            credential_usable=credential_usable,
            birth_date=birth_date,
            insurance_type=enrolment.insurance_type,
            person_class=enrolment.person_class,
            entitlement_groups=",".join(enrolment.entitlement_groups),
            status=enrolment.status.value,
            start_date=enrolment.start_date,
            record_time=now,
            recorded_by=caller,
        )
    )
    return EnrolmentChange(sequence, person_id, subject, birth_date, enrolment, credential_usable)


def newest_change(connection: sa.Connection, region: str, person_id: str) -> EnrolmentChange | None:
    """Returns what stands for a person, or None where there is no such person."""
    query = (
        sa.select(*_FACTS)
        .where(_CHANGE.region == region, _CHANGE.person_id == person_id)
        .order_by(_CHANGE.sequence.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _change_from(row)


def changes_after(
    connection: sa.Connection, region: str, sequence: int, *, limit: int
) -> list[EnrolmentChange]:
    """Returns at most `limit` changes after a number, in their order."""
    query = (
        sa.select(*_FACTS)
        .where(_CHANGE.region == region, _CHANGE.sequence > sequence)
        .order_by(_CHANGE.sequence)
        .limit(limit)
    )
    return [_change_from(row) for row in connection.execute(query)]


def _next_sequence(connection: sa.Connection, region: str) -> int:
    head = tables.feed_head
    insert_rows(connection, head, ("region", "sequence"), [(region, 0)], skip_existing=True)
    query = sa.select(head.c.sequence).where(head.c.region == region).with_for_update()
    sequence = int(connection.execute(query).scalar_one()) + 1
    connection.execute(sa.update(head).where(head.c.region == region).values(sequence=sequence))
    return sequence


def _change_from(row: sa.Row[*tuple[object, ...]]) -> EnrolmentChange:
    groups = str(row.entitlement_groups)
    enrolment = Enrolment(
        row.insurance_type,
        row.person_class,
        tuple(groups.split(",")) if groups else (),
        EnrolmentStatus(row.status),
        row.start_date,
    )
    return EnrolmentChange(
        row.sequence,
        row.person_id,
        row.subject,
        row.birth_date,
        enrolment,
        row.credential_usable,
    )
