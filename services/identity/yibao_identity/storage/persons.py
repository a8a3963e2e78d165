"""Insured persons: registered once by request id, read with what stands for them."""

from collections.abc import Callable

import sqlalchemy as sa

from yibao_common.calendar import shanghai_day
from yibao_common.citizen_number import Gender
from yibao_common.clock import Clock
from yibao_common.database import Database
from yibao_common.ids import Ids
from yibao_identity.application.commands import RegisterPerson
from yibao_identity.application.records import EnrolledPerson, EnrolmentChange
from yibao_identity.rules.person import Person, person_exists, register
from yibao_identity.storage import tables
from yibao_identity.storage.feed import append_change, changes_after, newest_change
from yibao_identity.storage.sealed_answers import answer_sealed
from yibao_identity.storage.vault import Vault


class PersonStore:
    """Persons of a database; see `application.ports.Persons`."""

    def __init__(self, database: Database, vault: Vault, *, clock: Clock, ids: Ids) -> None:
        """Takes the database and what seals personal data."""
        self._database = database
        self._vault = vault
        self._clock = clock
        self._ids = ids

    def register(self, command: RegisterPerson, encode: Callable[[EnrolledPerson], bytes]) -> bytes:
        """Registers a person once by request id and returns the answer's bytes."""
        return answer_sealed(
            self._database,
            self._vault,
            region=command.region,
            request_id=command.request_id,
            digest=command.digest,
            work=lambda connection: encode(self._register(connection, command)),
        )

    def find(self, region: str, person_id: str) -> EnrolledPerson | None:
        """Returns a person, or None."""
        table = tables.person.c
        with self._database.read() as connection:
            row = connection.execute(
                sa.select(tables.person).where(table.region == region, table.person_id == person_id)
            ).one_or_none()
            change = newest_change(connection, region, person_id)
        if row is None:
            return None
        assert change is not None, "stored in the same transaction"
        person = Person(
            region,
            person_id,
            row.certificate_type,
            self._open(row.sealed_number, region, person_id, "number"),
            self._open(row.sealed_name, region, person_id, "name"),
            Gender(row.gender),
            row.birth_date,
            row.register_time,
        )
        return EnrolledPerson(person, change.enrolment)

    def changes(self, region: str, *, after_sequence: int, limit: int) -> list[EnrolmentChange]:
        """Returns at most `limit` changes that follow `after_sequence`, without a gap."""
        with self._database.read() as connection:
            return changes_after(connection, region, after_sequence, limit=limit)

    def _register(self, connection: sa.Connection, command: RegisterPerson) -> EnrolledPerson:
        now = self._clock()
        region = command.region
        person, enrolment = register(
            command.registration,
            region=region,
            person_id=self._ids(),
            now=now,
            today=shanghai_day(now),
        )
        number_hash = self._vault.number_hash(person.certificate_type, person.certificate_number)
        table = tables.person.c
        known = connection.execute(
            sa.select(table.person_id).where(
                table.region == region, table.number_hash == number_hash
            )
        ).scalar_one_or_none()
        if known is not None:
            raise person_exists(known)
        # Where another request registers the same number now, this insert waits for it,
        # fails, and the repetition finds the person.
        connection.execute(
            sa.insert(tables.person).values(
                region=region,
                person_id=person.person_id,
                certificate_type=person.certificate_type,
                number_hash=number_hash,
                sealed_number=self._seal(person.certificate_number, person, "number"),
                sealed_name=self._seal(person.person_name, person, "name"),
                gender=person.gender.value,
                birth_date=person.birth_date,
                register_time=now,
                registered_by=command.caller,
            )
        )
        append_change(
            connection,
            region,
            person_id=person.person_id,
            subject="",
            birth_date=person.birth_date,
            enrolment=enrolment,
            credential_usable=False,
            now=now,
            caller=command.caller,
        )
        return EnrolledPerson(person, enrolment)

    def _seal(self, text: str, person: Person, field: str) -> bytes:
        place = _place(person.region, person.person_id, field)
        return self._vault.seal(text.encode(), place=place)

    def _open(self, sealed: bytes, region: str, person_id: str, field: str) -> str:
        return self._vault.open(bytes(sealed), place=_place(region, person_id, field)).decode()


def _place(region: str, person_id: str, field: str) -> str:
    return f"{region}/person/{person_id}/{field}"
