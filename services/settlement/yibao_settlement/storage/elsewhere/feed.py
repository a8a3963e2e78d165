"""What offsite's feed told of registrations and holds, as rows."""

from collections.abc import Collection, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from yibao_common.commands.feed import FeedPosition
from yibao_common.db.feed import StoredPosition
from yibao_common.db.rows import Insert, Row, Update, execute, select_rows
from yibao_settlement.application.elsewhere.feed import OffsiteGone, ToldHold
from yibao_settlement.rules.elsewhere.feed import ATTESTED, Known
from yibao_settlement.rules.elsewhere.registered import RegisteredCare
from yibao_settlement.storage.elsewhere.tables import (
    audit_hold,
    deemed_registration,
    offsite_feed_position,
    registered_care,
)

_CARE_KEY = ("region", "person_id", "registration_id")
_CARE = (
    *("category", "treatment_region", "terms", "benefits", "start_date", "end_date"),
    *("is_void", "origin", "version", "reading"),
)
_HOLD_KEY = ("region", "visit_id", "hold_id")
_HOLD = ("person_id", "task_id", "is_lifted", "version", "attestation", "reading")

_care, _hold, _deemed = registered_care.c, audit_hold.c, deemed_registration.c
_encode = msgspec.json.Encoder().encode


class StoredOffsiteFeed:
    """See `application.elsewhere.feed.OffsiteFeedRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region
        self._position = StoredPosition(connection, offsite_feed_position, region)

    def position(self) -> FeedPosition:
        """Returns the position as stored."""
        return self._position.find()

    def lock_position(self) -> FeedPosition:
        """Locks the position's row, made where it is missing."""
        return self._position.lock()

    def move_position(self, position: FeedPosition) -> None:
        """Stores the position."""
        self._position.move(position)

    def known_registrations(
        self, person_ids: Collection[str], registration_ids: Collection[str]
    ) -> dict[str, Known]:
        """Returns which of some registrations are stored of some persons, by their ids."""
        columns = ("registration_id", *Known._fields)
        rows = select_rows(
            self._connection,
            registered_care,
            columns,
            region=self._region,
            key="person_id",
            among=sorted(person_ids),
        )
        return {row[0]: Known._make(row[1:]) for row in rows if row[0] in registration_ids}

    def known_holds(self, hold_ids_of: Mapping[str, str]) -> dict[str, Known]:
        """Returns which holds are stored, by their ids; visits are given by them."""
        columns = ("hold_id", *Known._fields)
        rows = select_rows(
            self._connection,
            audit_hold,
            columns,
            region=self._region,
            key="visit_id",
            among=sorted(set(hold_ids_of.values())),
        )
        return {row[0]: Known._make(row[1:]) for row in rows if row[0] in hold_ids_of}

    def replace(
        self,
        registrations: Sequence[RegisteredCare],
        holds: Sequence[ToldHold],
        *,
        known: Mapping[str, Known],
        reading: int,
    ) -> None:
        """Puts what was told in the place of what is known of the same registrations."""
        for each in registrations:
            stored = known.get(each.registration_id)
            if stored is not None and stored.person_id != each.person_id:
                self._remove(stored.person_id, [each.registration_id])
        care = sorted((self._region, *_care_row(each, reading)) for each in registrations)
        held = sorted((self._region, *_hold_row(each, reading)) for each in holds)
        execute(
            self._connection,
            [
                # Made where they are missing, for a batch may store what an attestation showed.
                Insert(registered_care, (*_CARE_KEY, *_CARE), care, skip_existing=True),
                Update(registered_care, _CARE_KEY, _CARE, care),
                Insert(audit_hold, (*_HOLD_KEY, *_HOLD), held, skip_existing=True),
                Update(audit_hold, _HOLD_KEY, _HOLD, held),
            ],
        )

    def part_from(self, *, before_reading: int) -> OffsiteGone:
        """Forgets what was last told of before a reading, but what attestations showed alone.

        Emergencies that the feed does not tell of any more are told to offsite again.
        """
        registrations = self._connection.execute(
            sa.delete(registered_care).where(
                _care.region == self._region,
                _care.reading < before_reading,
                _care.reading != ATTESTED,
            )
        )
        holds = self._connection.execute(
            sa.delete(audit_hold).where(
                _hold.region == self._region, _hold.reading < before_reading
            )
        )
        return OffsiteGone(registrations.rowcount, holds.rowcount, self._tell_again())

    def _tell_again(self) -> int:
        """Has offsite told again of emergencies that it had and has not; returns how many.

        One that offsite has and that the feed is still to tell of is among them: it answers by
        the same registration.
        """
        same = sa.and_(
            _care.region == _deemed.region, _care.registration_id == _deemed.registration_id
        )
        lost = (
            sa.select(_deemed.visit_id)
            .select_from(deemed_registration.outerjoin(registered_care, same))
            .where(
                _deemed.region == self._region,
                _deemed.tell_time.is_not(None),
                _care.registration_id.is_(None),
            )
        )
        told_again = self._connection.execute(
            sa.update(deemed_registration)
            .where(_deemed.region == self._region, _deemed.visit_id.in_(lost))
            .values(tell_time=None, registration_id=None)
        )
        return told_again.rowcount

    def move_persons(self, survivors: Mapping[str, str]) -> None:
        """Gives registrations and holds of who was merged to who stands in their place."""
        self._position.lock()
        for retired_id, survivor_id in sorted(survivors.items()):
            own, theirs = self._registration_ids(retired_id), self._registration_ids(survivor_id)
            # Shown by an attestation, of both persons.
            self._remove(retired_id, sorted(own & theirs))
            for table in (registered_care, audit_hold):
                self._connection.execute(
                    sa.update(table)
                    .where(table.c.region == self._region, table.c.person_id == retired_id)
                    .values(person_id=survivor_id)
                )

    def _registration_ids(self, person_id: str) -> set[str]:
        query = sa.select(_care.registration_id).where(
            _care.region == self._region, _care.person_id == person_id
        )
        return set(self._connection.execute(query).scalars())

    def _remove(self, person_id: str, registration_ids: Collection[str]) -> None:
        if registration_ids:
            self._connection.execute(
                sa.delete(registered_care).where(
                    _care.region == self._region,
                    _care.person_id == person_id,
                    _care.registration_id.in_(registration_ids),
                )
            )


def _care_row(told: RegisteredCare, reading: int) -> Row:
    return (
        *(told.person_id, told.registration_id, told.category, told.treatment_region),
        *(told.terms, _encode(told.benefits).decode(), told.start_date, told.end_date),
        *(told.is_void, told.origin, told.version, reading),
    )


def _hold_row(told: ToldHold, reading: int) -> Row:
    hold = told.hold
    return (
        *(hold.visit_id, hold.hold_id, hold.person_id, hold.task_id),
        *(hold.is_lifted, hold.version, told.attestation, reading),
    )
