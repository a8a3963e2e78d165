"""Insured persons: registered and corrected once by request id, read, and looked up."""

import dataclasses
from collections.abc import Collection

import sqlalchemy as sa

from yibao_common.commands.audit import OK, AuditEntry
from yibao_common.commands.request import Request
from yibao_common.db.audit_chain import record_refused
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import TransientError
from yibao_identity.application.persons import (
    EncodePerson,
    RegisterNewborn,
    RegisterPerson,
    SearchPersons,
    UpdatePerson,
)
from yibao_identity.application.records import EnrolledPerson, EnrolmentChange
from yibao_identity.rules.documents import check_document, normalised
from yibao_identity.rules.enrolment import Enrolment
from yibao_identity.rules.newborn import register_newborn
from yibao_identity.rules.person import Person, correct, person_exists, register
from yibao_identity.storage import tables
from yibao_identity.storage.enrolments import add_enrolment
from yibao_identity.storage.feed import changes_after, note_change
from yibao_identity.storage.person_calls import PersonCalls
from yibao_identity.storage.person_locks import live_person, lock_live_person, lock_persons
from yibao_identity.storage.person_rows import (
    identity_values,
    number_hash,
    person_with_number,
    read_person,
    surviving_id,
)

_SHOWN_FIELDS = ("document.certificate_type", "document.certificate_number")
_IDENTITY_COLUMNS = (
    "certificate_type",
    "number_hash",
    "sealed_number",
    "sealed_name",
    "gender",
    "birth_date",
)


class PersonStore(PersonCalls):
    """Persons of a database; see `application.persons.Persons`."""

    def register(self, command: RegisterPerson, encode: EncodePerson) -> bytes:
        """Registers a person once by request id and returns the answer's bytes."""

        def work(connection: sa.Connection) -> bytes:
            now = self._clock()
            person, enrolment = register(
                command.registration,
                region=command.request.region,
                person_id=self._ids(),
                now=now,
                today=shanghai_day(now),
            )
            return encode(self._insert(connection, command.request, person, enrolment))

        return self._answer(command.request, work)

    def register_newborn(self, command: RegisterNewborn, encode: EncodePerson) -> bytes:
        """Registers a newborn once by request id and returns the answer's bytes."""

        def work(connection: sa.Connection) -> bytes:
            region, now = command.request.region, self._clock()
            lock_live_person(connection, region, command.parent_id)
            parent = read_person(connection, self._vault, region, command.parent_id)
            assert parent is not None, "it is locked"
            person, enrolment = register_newborn(
                command.registration,
                region=region,
                person_id=self._ids(),
                parent_id=command.parent_id,
                parent_name=parent.person.person_name,
                now=now,
                today=shanghai_day(now),
            )
            enrol_date = command.registration.enrol_date.isoformat()
            return encode(
                self._insert(connection, command.request, person, enrolment, enrol_date=enrol_date)
            )

        return self._answer(command.request, work)

    def update(self, command: UpdatePerson, encode: EncodePerson) -> bytes:
        """Corrects a person once by request id and returns the answer's bytes."""

        def work(connection: sa.Connection) -> bytes:
            request, now = command.request, self._clock()
            region, person_id = request.region, command.person_id
            locked_ids = self._lock_for_update(connection, command)
            former = read_person(connection, self._vault, region, person_id)
            assert former is not None, "it is locked"
            person = correct(former.person, command.correction, today=shanghai_day(now))
            self._claim_number(connection, person, locked_ids)
            self._keep_former(connection, command)
            table = tables.person
            connection.execute(
                sa.update(table)
                .where(table.c.region == region, table.c.person_id == person_id)
                .values(**identity_values(self._vault, person))
            )
            if person.birth_date != former.person.birth_date:
                # The feed tells nothing else of what was corrected.
                note_change(connection, region, [person_id], now=now, caller=request.caller.path)
            changed = [
                field.name
                for field in dataclasses.fields(Person)
                if getattr(person, field.name) != getattr(former.person, field.name)
            ]
            self._record(
                connection,
                request,
                [person_id],
                changed=",".join(changed),
                explanation=command.explanation,
            )
            return encode(EnrolledPerson(person, former.enrolments))

        return self._answer(command.request, work)

    def find(self, region: str, person_id: str) -> EnrolledPerson | None:
        """Returns a person, or None."""
        with self._database.read() as connection:
            return read_person(connection, self._vault, region, person_id)

    def search(self, command: SearchPersons) -> EnrolledPerson | None:
        """Returns whom a document names, after the look-up was put on record."""
        region, document = command.region, command.document
        number = normalised(document.certificate_number)
        check_document(document.certificate_type, number, fields=_SHOWN_FIELDS)
        wanted = self._vault.number_hash(document.certificate_type, number)
        found = None
        with self._database.read() as connection:
            known = person_with_number(connection, region, wanted)
            if known is not None:
                person_id = surviving_id(connection, region, known)
                found = read_person(connection, self._vault, region, person_id)
        entry = AuditEntry(
            region,
            self._clock(),
            command.caller.path,
            "SearchPersons",
            () if found is None else (found.person.person_id,),
            OK,
            {"found": "0" if found is None else "1"},
            "",
        )
        record_refused(self._database, tables.audit, entry)
        return found

    def changes(self, region: str, *, after_sequence: int, limit: int) -> list[EnrolmentChange]:
        """Returns at most `limit` changes that follow `after_sequence`, without a gap."""
        with self._database.read() as connection:
            today = shanghai_day(self._clock())
            return changes_after(connection, region, after_sequence, limit=limit, today=today)

    def _insert(
        self,
        connection: sa.Connection,
        request: Request,
        person: Person,
        enrolment: Enrolment,
        **detail: str,
    ) -> EnrolledPerson:
        """Stores a new person with the first enrolment."""
        region, person_id, now = person.region, person.person_id, person.register_time
        caller = request.caller.path
        known = person_with_number(connection, region, number_hash(self._vault, person))
        if known is not None:
            raise person_exists(surviving_id(connection, region, known))
        # Where another request registers the same number now, this insert waits for it,
        # fails, and the repetition finds the person.
        connection.execute(
            sa.insert(tables.person).values(
                region=region,
                person_id=person_id,
                register_time=now,
                registered_by=caller,
                parent_id=person.parent_id,
                **identity_values(self._vault, person),
            )
        )
        recorded = dataclasses.replace(
            enrolment, enrolment_id=self._ids(), record_time=now, recorded_by=caller
        )
        add_enrolment(connection, region, person_id, recorded, explanation="")
        note_change(connection, region, [person_id], now=now, caller=caller)
        subjects = [person_id, *([person.parent_id] if person.parent_id else [])]
        self._record(connection, request, subjects, **detail)
        return EnrolledPerson(person, (recorded,))

    def _lock_for_update(self, connection: sa.Connection, command: UpdatePerson) -> set[str]:
        """Locks a person, and who has the document that the person is to have; returns both.

        Together, because a merged duplicate of a lower id could not be locked afterwards.
        """
        region, document = command.request.region, command.correction.document
        wanted = {command.person_id}
        if document is not None:
            number = normalised(document.certificate_number)
            hashed = self._vault.number_hash(document.certificate_type, number)
            known = person_with_number(connection, region, hashed)
            wanted |= {known} if known else set()
        live_person(lock_persons(connection, region, wanted)[command.person_id])
        return wanted

    def _claim_number(
        self, connection: sa.Connection, person: Person, locked_ids: Collection[str]
    ) -> None:
        """Refuses a document that is another's; takes over that of a merged duplicate."""
        known = person_with_number(connection, person.region, number_hash(self._vault, person))
        if known is None or known == person.person_id:
            return
        survivor = surviving_id(connection, person.region, known)
        if survivor != person.person_id:
            raise person_exists(survivor)
        if known not in locked_ids:
            raise TransientError("the document changed hands at this moment")
        # The duplicate keeps its sealed number, but is no longer found by it.
        table = tables.person
        connection.execute(
            sa.update(table)
            .where(table.c.region == person.region, table.c.person_id == known)
            .values(number_hash=self._vault.number_hash("merged", known))
        )

    def _keep_former(self, connection: sa.Connection, command: UpdatePerson) -> None:
        """Copies the row as it stands to the history, with its seals."""
        region, person_id = command.request.region, command.person_id
        person, former = tables.person.c, tables.former_person.c
        revisions = connection.execute(
            sa.select(sa.func.count()).where(former.region == region, former.person_id == person_id)
        ).scalar_one()
        copied = [person[name] for name in ("region", "person_id", *_IDENTITY_COLUMNS)]
        row = connection.execute(
            sa.select(*copied).where(person.region == region, person.person_id == person_id)
        ).one()
        connection.execute(
            sa.insert(tables.former_person).values(
                **row._mapping,
                revision=revisions + 1,
                replace_time=self._clock(),
                replaced_by=command.request.caller.path,
                explanation=command.explanation,
            )
        )
