"""Stores what identity's feed tells of persons, in its sequence and without gaps."""

from collections.abc import Sequence

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.db.rows import Insert, Row, execute, insert_rows
from yibao_common.values.ids import Ids, new_id
from yibao_settlement.application.records import EnrolmentChange
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.storage import tables
from yibao_settlement.storage.merges import move_accounts, survivors_of
from yibao_settlement.storage.transactions import ENROLMENT_COLUMNS


class FeedStore:
    """The feed's position and its persons, in the settlement database."""

    def __init__(self, database: Database, *, ids: Ids = new_id) -> None:
        """Takes the database; `ids` name the postings of merged accounts."""
        self._database = database
        self._ids = ids

    def position(self, region: str) -> int:
        """Returns the sequence number stored last, 0 before the first."""
        with self._database.read() as connection:
            return _position(connection, region)

    def apply(self, region: str, changes: Sequence[EnrolmentChange]) -> None:
        """Stores changes that follow each other; those stored already are passed over.

        The account of a person who was merged moves in the same transaction.

        Asserts that nothing is missing between what is stored and the first change.
        """
        if changes:
            with self._database.write() as connection:
                _apply(connection, region, changes, self._ids)


def _apply(
    connection: sa.Connection, region: str, changes: Sequence[EnrolmentChange], ids: Ids
) -> None:
    position = _position(connection, region, lock=True)
    new = [change for change in changes if change.sequence > position]
    if not new:
        return
    sequences = [change.sequence for change in new]
    assert sequences == list(range(position + 1, position + 1 + len(new))), sequences
    latest = {change.person.person_id: change for change in new}
    _replace(connection, region, list(latest.values()))
    merged = {each for each, change in latest.items() if change.person.merged_into is not None}
    move_accounts(connection, region, survivors_of(connection, region, merged), ids=ids)
    connection.execute(
        sa.update(tables.feed_position)
        .where(tables.feed_position.c.region == region)
        .values(sequence=sequences[-1])
    )


def _replace(connection: sa.Connection, region: str, changes: Sequence[EnrolmentChange]) -> None:
    """Puts what the changes tell of their persons in the place of what was known."""
    for table in (tables.person, tables.enrolment, tables.credential):
        connection.execute(
            sa.delete(table).where(
                table.c.region == region, table.c.person_id == sa.bindparam("key_id")
            ),
            [{"key_id": change.person.person_id} for change in changes],
        )
    persons = [each.person for each in changes]
    execute(
        connection,
        [
            Insert(tables.person, _PERSON, [_person_row(region, each) for each in changes]),
            Insert(
                tables.enrolment,
                ("region", *ENROLMENT_COLUMNS),
                [
                    _enrolment_row(region, person.person_id, each)
                    for person in persons
                    for each in person.enrolments
                ],
            ),
            Insert(
                tables.credential,
                ("region", "subject", "person_id", "kind", "state"),
                [
                    (region, each.subject, each.person_id, each.kind, each.state)
                    for person in persons
                    for each in person.credentials
                ],
            ),
        ],
    )


_PERSON = ("region", "person_id", "sequence", "birth_date", "merged_into", "payer_ids")


def _person_row(region: str, change: EnrolmentChange) -> Row:
    person = change.person
    payer_ids = ",".join(person.payer_ids)
    key = (region, person.person_id, change.sequence)
    return (*key, person.birth_date, person.merged_into, payer_ids)


def _enrolment_row(region: str, person_id: str, enrolment: Enrolment) -> Row:
    return (
        region,
        person_id,
        enrolment.enrolment_id,
        enrolment.insurance_type,
        enrolment.person_class,
        ",".join(enrolment.entitlement_groups),
        enrolment.status,
        enrolment.start_date,
        enrolment.end_date,
        enrolment.has_employer,
        enrolment.is_premium_pending,
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
