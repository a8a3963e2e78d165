"""What identity's feed told of persons, as rows."""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from yibao_common.db.feed import StoredPosition
from yibao_common.db.rows import Insert, Row, execute
from yibao_settlement.application.feed import EnrolmentChange, FeedPosition, Gone
from yibao_settlement.rules.credential import CredentialState
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.storage import tables
from yibao_settlement.storage.credential.reading import CREDENTIAL_COLUMNS
from yibao_settlement.storage.enrolment import ENROLMENT_COLUMNS, diseases_text
from yibao_settlement.storage.family.record import givers_text


class StoredFeed:
    """See `application.feed.FeedRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region
        self._position = StoredPosition(connection, tables.feed_position, region)

    def position(self) -> FeedPosition:
        """Returns the position as stored."""
        return self._position.find()

    def lock_position(self) -> FeedPosition:
        """Locks the position's row, made where it is missing."""
        return self._position.lock()

    def move_position(self, position: FeedPosition) -> None:
        """Stores the position."""
        self._position.move(position)

    def replace(self, changes: Sequence[EnrolmentChange], *, reading: int) -> None:
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
            (
                *(region, each.subject, each.person_id, each.kind, each.state),
                *(",".join(each.revoked_device_certificate_ids), each.codes_since_second),
                each.certificate_id,
            )
            for person in persons
            for each in person.credentials
        ]
        execute(
            self._connection,
            [
                Insert(
                    tables.person,
                    _PERSON,
                    [_person_row(region, each, reading) for each in changes],
                ),
                Insert(tables.enrolment, ("region", *ENROLMENT_COLUMNS), periods),
                Insert(tables.credential, ("region", *CREDENTIAL_COLUMNS), credentials),
            ],
        )

    def part_from(self, *, before_reading: int, at: dt.datetime) -> Gone:
        """Marks persons as gone who were last told of before a reading of the feed."""
        region, person = self._region, tables.person.c
        gone = (
            person.region == region,
            person.reading < before_reading,
            person.gone_time.is_(None),
        )
        gone_ids = sa.select(person.person_id).where(*gone)
        enrolment, credential = tables.enrolment, tables.credential
        self._connection.execute(
            sa.delete(enrolment).where(
                enrolment.c.region == region, enrolment.c.person_id.in_(gone_ids)
            )
        )
        self._connection.execute(
            sa.update(credential)
            .where(credential.c.region == region, credential.c.person_id.in_(gone_ids))
            .values(state=CredentialState.CLOSED.value)
        )
        marked = self._connection.execute(
            sa.update(tables.person).where(*gone).values(gone_time=at)
        )
        return Gone(marked.rowcount, self._undone_merges())

    def _undone_merges(self) -> int:
        """Counts who is told of as oneself although the account is another person's."""
        person, standing = tables.person.c, tables.person_standing.c
        query = (
            sa.select(sa.func.count())
            .select_from(tables.person_standing)
            .join(
                tables.person,
                sa.and_(person.region == standing.region, person.person_id == standing.person_id),
            )
            .where(
                standing.region == self._region,
                standing.merged_into.is_not(None),
                person.merged_into.is_(None),
                person.gone_time.is_(None),
            )
        )
        return int(self._connection.execute(query).scalar_one())


_PERSON = (
    *("region", "person_id", "sequence", "birth_date", "merged_into"),
    *("payer_ids", "reading", "death_date", "diseases"),
    *("person_name_masked", "gender", "givers"),
)


def _person_row(region: str, change: EnrolmentChange, reading: int) -> Row:
    person = change.person
    payer_ids = ",".join(person.payer_ids)
    key = (region, person.person_id, change.sequence)
    known = (person.birth_date, person.merged_into, payer_ids, reading)
    described = (person.person_name_masked or None, person.gender or None)
    told = (*described, givers_text(person.givers))
    return (*key, *known, person.death_date, diseases_text(person.diseases), *told)


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
        enrolment.tier,
        enrolment.insured_months_before,
        enrolment.months_owing,
        enrolment.years_unclaimed,
    )
