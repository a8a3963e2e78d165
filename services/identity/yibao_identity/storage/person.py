"""Persons as rows: number and name are sealed, and found by a keyed hash."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from yibao_common.keys.vault import Vault
from yibao_common.values.citizen_number import Gender
from yibao_identity.application.person.rows import TypedPerson
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.person import FormerHolder, Person
from yibao_identity.storage import tables

_IDENTITY_COLUMNS = (
    "certificate_type",
    "number_hash",
    "sealed_number",
    "sealed_name",
    "gender",
    "birth_date",
)

_person = tables.person.c


class StoredPersons:
    """See `application.person.rows.PersonRows`."""

    def __init__(self, connection: sa.Connection, region: str, vault: Vault) -> None:
        """Takes the transaction's connection and what seals numbers and names."""
        self._connection = connection
        self._region = region
        self._vault = vault

    def find(self, person_id: str) -> Person | None:
        """Returns a person, or None."""
        query = sa.select(tables.person).where(*self._named(person_id))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else self._person_from(row)

    def is_registered(self, person_id: str) -> bool:
        """Tells whether there is such a person."""
        query = sa.select(_person.person_id).where(*self._named(person_id))
        return self._connection.execute(query).one_or_none() is not None

    def of_document(self, document: ShownDocument) -> str | None:
        """Returns the id of the person who is found by it, merged or not, or None."""
        hashed = self._hash(document)
        query = sa.select(_person.person_id).where(
            _person.region == self._region, _person.number_hash == hashed
        )
        found: str | None = self._connection.execute(query).scalar_one_or_none()
        return found

    def former_holder(self, document: ShownDocument) -> FormerHolder | None:
        """Returns who had a document last, or None where nobody had."""
        former = tables.former_person.c
        query = (
            sa.select(former.person_id, former.replaced_by)
            .where(former.region == self._region, former.number_hash == self._hash(document))
            .order_by(former.replace_time.desc(), former.revision.desc())
            .limit(1)
        )
        found = self._connection.execute(query).one_or_none()
        return None if found is None else FormerHolder(*found)

    def first_child_birth_date(self, parent_ids: Collection[str]) -> dt.date | None:
        """Returns the first birth date of who was registered with a parent, but merged ones."""
        query = sa.select(sa.func.min(_person.birth_date)).where(
            _person.region == self._region,
            _person.parent_id.in_(parent_ids),
            _person.merged_into.is_(None),
        )
        found: dt.date | None = self._connection.execute(query).scalar_one()
        return found

    def of_types(
        self, certificate_types: Collection[str], *, after_person_id: str | None, limit: int
    ) -> list[TypedPerson]:
        """Returns persons with documents of some types, by their ids, those after one."""
        query = sa.select(tables.person).where(
            _person.region == self._region, _person.certificate_type.in_(certificate_types)
        )
        if after_person_id is not None:
            query = query.where(_person.person_id > after_person_id)
        query = query.order_by(_person.person_id).limit(limit)
        return [self._typed(row) for row in self._connection.execute(query)]

    def insert(self, person: Person, *, registered_by: str) -> None:
        """Stores a new person."""
        self._connection.execute(
            sa.insert(tables.person).values(
                region=self._region,
                person_id=person.person_id,
                register_time=person.register_time,
                registered_by=registered_by,
                parent_id=person.parent_id,
                **self._identity(person),
            )
        )

    def correct(self, person: Person, *, at: dt.datetime, by: str, explanation: str) -> None:
        """Copies the row as it stands to the history, with its seals, and changes it."""
        former = tables.former_person.c
        revisions = self._connection.execute(
            sa.select(sa.func.count()).where(
                former.region == self._region, former.person_id == person.person_id
            )
        ).scalar_one()
        copied = [_person[name] for name in ("region", "person_id", *_IDENTITY_COLUMNS)]
        row = self._connection.execute(
            sa.select(*copied).where(*self._named(person.person_id))
        ).one()
        self._connection.execute(
            sa.insert(tables.former_person).values(
                **row._mapping,
                revision=revisions + 1,
                replace_time=at,
                replaced_by=by,
                explanation=explanation,
            )
        )
        self._update(person.person_id, self._identity(person))

    def give_up_document(self, person_id: str) -> None:
        """Lets a person no longer be found by the document; the sealed number stays."""
        self._update(person_id, {"number_hash": self._vault.number_hash("merged", person_id)})

    def take_document(self, person: Person) -> None:
        """Lets a person be found by the document that the record has."""
        self._update(person.person_id, {"number_hash": self._hash(person.key)})

    def is_found_by_number(self, person_id: str) -> bool:
        """Tells whether a person's hash is that of the number, as it is made now or was before."""
        query = sa.select(tables.person).where(*self._named(person_id))
        row = self._connection.execute(query).one()
        found = self._typed(row)
        return found.is_found_by_type or self._hash(found.person.key) == bytes(row.number_hash)

    def retire(self, person_id: str, *, merged_into: str) -> None:
        """Notes which record took the place of a person's."""
        self._update(person_id, {"merged_into": merged_into})

    def _typed(self, row: sa.Row[Any]) -> TypedPerson:
        person = self._person_from(row)
        typed = ShownDocument(person.certificate_type, person.certificate_number)
        return TypedPerson(person, self._hash(typed) == bytes(row.number_hash))

    def _hash(self, document: ShownDocument) -> bytes:
        return self._vault.number_hash(document.certificate_type, document.certificate_number)

    def _named(self, person_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (_person.region == self._region, _person.person_id == person_id)

    def _update(self, person_id: str, values: Mapping[str, Any]) -> None:
        changed = self._connection.execute(
            sa.update(tables.person).where(*self._named(person_id)).values(**values)
        )
        assert changed.rowcount == 1

    def _identity(self, person: Person) -> Mapping[str, Any]:
        """Returns the columns that tell who a person is, sealed for the person's row."""
        number, name = person.certificate_number, person.person_name
        return {
            "certificate_type": person.certificate_type,
            "number_hash": self._hash(person.key),
            "sealed_number": self._vault.seal(number.encode(), place=_place(person, "number")),
            "sealed_name": self._vault.seal(name.encode(), place=_place(person, "name")),
            "gender": person.gender.value,
            "birth_date": person.birth_date,
        }

    def _person_from(self, row: sa.Row[Any]) -> Person:
        person = Person(
            row.region,
            row.person_id,
            row.certificate_type,
            "",
            "",
            Gender(row.gender),
            row.birth_date,
            row.register_time,
            row.merged_into,
            row.parent_id,
            row.death_date,
        )
        number = self._vault.open(bytes(row.sealed_number), place=_place(person, "number"))
        name = self._vault.open(bytes(row.sealed_name), place=_place(person, "name"))
        return dataclasses.replace(
            person, certificate_number=number.decode(), person_name=name.decode()
        )


def _place(person: Person, field: str) -> str:
    return f"{person.region}/person/{person.person_id}/{field}"
