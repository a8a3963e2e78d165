"""What identity's feed told of persons, as rows."""

from collections.abc import Sequence

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, execute, insert_rows
from yibao_settlement.application.feed import EnrolmentChange
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.storage import tables
from yibao_settlement.storage.enrolment import ENROLMENT_COLUMNS

_POSITION = tables.feed_position.c


class StoredFeed:
    """See `application.feed.FeedRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region
        self._position = sa.select(_POSITION.sequence).where(_POSITION.region == region)

    def position(self) -> int:
        """Returns the sequence number stored last, 0 before the first."""
        found = self._connection.execute(self._position).scalar_one_or_none()
        return 0 if found is None else int(found)

    def lock_position(self) -> int:
        """Locks the position's row, made where it is missing."""
        columns, row = ("region", "sequence"), (self._region, 0)
        insert_rows(self._connection, tables.feed_position, columns, [row], skip_existing=True)
        return int(self._connection.execute(self._position.with_for_update()).scalar_one())

    def move_position(self, sequence: int) -> None:
        """Stores the position."""
        self._connection.execute(
            sa.update(tables.feed_position)
            .where(_POSITION.region == self._region)
            .values(sequence=sequence)
        )

    def replace(self, changes: Sequence[EnrolmentChange]) -> None:
        """Puts what the changes tell of their persons in the place of what was known."""
        region, persons = self._region, [each.person for each in changes]
        for table in (tables.person, tables.enrolment, tables.credential):
            self._connection.execute(
                sa.delete(table).where(
                    table.c.region == region, table.c.person_id == sa.bindparam("key_id")
                ),
                [{"key_id": person.person_id} for person in persons],
            )
        periods = [
            _enrolment_row(region, person.person_id, each)
            for person in persons
            for each in person.enrolments
        ]
        credentials = [
            (region, each.subject, each.person_id, each.kind, each.state)
            for person in persons
            for each in person.credentials
        ]
        execute(
            self._connection,
            [
                Insert(tables.person, _PERSON, [_person_row(region, each) for each in changes]),
                Insert(tables.enrolment, ("region", *ENROLMENT_COLUMNS), periods),
                Insert(tables.credential, _CREDENTIAL, credentials),
            ],
        )


_CREDENTIAL = ("region", "subject", "person_id", "kind", "state")
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
