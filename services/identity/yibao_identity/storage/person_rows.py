"""Persons as rows: number and name are sealed, and found by a keyed hash."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from yibao_common.keys.vault import Vault
from yibao_common.values.citizen_number import Gender
from yibao_identity.application.records import EnrolledPerson
from yibao_identity.rules.person import Person
from yibao_identity.storage import tables
from yibao_identity.storage.enrolments import standing_enrolments


def identity_values(vault: Vault, person: Person) -> Mapping[str, Any]:
    """Returns the columns that tell who a person is, sealed for the person's row."""
    return {
        "certificate_type": person.certificate_type,
        "number_hash": number_hash(vault, person),
        "sealed_number": vault.seal(
            person.certificate_number.encode(), place=_place(person, "number")
        ),
        "sealed_name": vault.seal(person.person_name.encode(), place=_place(person, "name")),
        "gender": person.gender.value,
        "birth_date": person.birth_date,
    }


def number_hash(vault: Vault, person: Person) -> bytes:
    """Returns what finds a person by the document."""
    return vault.number_hash(person.certificate_type, person.certificate_number)


def read_person(
    connection: sa.Connection, vault: Vault, region: str, person_id: str
) -> EnrolledPerson | None:
    """Returns a person with the enrolments that stand, or None."""
    table = tables.person.c
    row = connection.execute(
        sa.select(tables.person).where(table.region == region, table.person_id == person_id)
    ).one_or_none()
    if row is None:
        return None
    enrolments = standing_enrolments(connection, region, [person_id])[person_id]
    return EnrolledPerson(_person_from(vault, row), enrolments)


def person_with_number(connection: sa.Connection, region: str, number_hash: bytes) -> str | None:
    """Returns the id of the person whose document it is, merged or not, or None."""
    table = tables.person.c
    query = sa.select(table.person_id).where(
        table.region == region, table.number_hash == number_hash
    )
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def surviving_id(connection: sa.Connection, region: str, person_id: str) -> str:
    """Returns the record that took the place of a person's, or the person's own."""
    table = tables.person.c
    while True:
        query = sa.select(table.merged_into).where(
            table.region == region, table.person_id == person_id
        )
        merged_into = connection.execute(query).scalar_one()
        if merged_into is None:
            return person_id
        person_id = merged_into


def _person_from(vault: Vault, row: sa.Row[Any]) -> Person:
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
    )
    number = vault.open(bytes(row.sealed_number), place=_place(person, "number"))
    name = vault.open(bytes(row.sealed_name), place=_place(person, "name"))
    return dataclasses.replace(
        person, certificate_number=number.decode(), person_name=name.decode()
    )


def _place(person: Person, field: str) -> str:
    return f"{person.region}/person/{person.person_id}/{field}"
