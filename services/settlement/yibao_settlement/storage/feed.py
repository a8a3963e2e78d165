"""Stores what identity's feed tells of persons, in its sequence and without gaps."""

from collections.abc import Sequence

import sqlalchemy as sa

from yibao_common.database import Database
from yibao_common.rows import insert_rows
from yibao_settlement.application.records import EnrolmentChange
from yibao_settlement.storage import tables


class FeedStore:
    """The feed's position and its persons, in the settlement database."""

    def __init__(self, database: Database) -> None:
        """Takes the database."""
        self._database = database

    def position(self, region: str) -> int:
        """Returns the sequence number stored last, 0 before the first."""
        with self._database.read() as connection:
            return _position(connection, region)

    def apply(self, region: str, changes: Sequence[EnrolmentChange]) -> None:
        """Stores changes that follow each other; those stored already are passed over.

        Asserts that nothing is missing between what is stored and the first change.
        """
        if changes:
            with self._database.write() as connection:
                _apply(connection, region, changes)


def _apply(connection: sa.Connection, region: str, changes: Sequence[EnrolmentChange]) -> None:
    position = _position(connection, region, lock=True)
    new = [change for change in changes if change.sequence > position]
    if not new:
        return
    sequences = [change.sequence for change in new]
    assert sequences == list(range(position + 1, position + 1 + len(new))), sequences
    latest = {change.enrolment.person_id: change for change in new}
    table = tables.enrolment
    connection.execute(
        sa.delete(table).where(
            table.c.region == region, table.c.person_id == sa.bindparam("key_id")
        ),
        [{"key_id": person_id} for person_id in latest],
    )
    insert_rows(connection, table, _COLUMNS, [_row(region, each) for each in latest.values()])
    connection.execute(
        sa.update(tables.feed_position)
        .where(tables.feed_position.c.region == region)
        .values(sequence=sequences[-1])
    )


_COLUMNS = (
    "region",
    "person_id",
    "sequence",
    "subject",
    "credential_usable",
    "birth_date",
    "insurance_type",
    "person_class",
    "entitlement_groups",
    "status",
    "start_date",
)


def _row(region: str, change: EnrolmentChange) -> tuple[object, ...]:
    enrolment = change.enrolment
    return (
        region,
        enrolment.person_id,
        change.sequence,
        enrolment.subject,
        enrolment.credential_usable,
        enrolment.birth_date,
        enrolment.insurance_type,
        enrolment.person_class,
        ",".join(enrolment.entitlement_groups),
        enrolment.status,
        enrolment.start_date,
    )


def _position(connection: sa.Connection, region: str, *, lock: bool = False) -> int:
    column = tables.feed_position.c
    if lock:
        insert_rows(
            connection,
            tables.feed_position,
            ("region", "sequence"),
            [(region, 0)],
            skip_existing=True,
        )
    query = sa.select(column.sequence).where(column.region == region)
    found = connection.execute(query.with_for_update() if lock else query).scalar_one_or_none()
    return 0 if found is None else int(found)
