"""Whose e-certificate it is, with all records of the person."""

import sqlalchemy as sa

from yibao_settlement.application.credential import KnownHolder
from yibao_settlement.rules.credential import Credential
from yibao_settlement.storage import tables
from yibao_settlement.storage.credential.reading import CREDENTIAL_COLUMNS, credential_from
from yibao_settlement.storage.merge import one_person, survivors_of


def find_holder(connection: sa.Connection, region: str, certificate_id: str) -> KnownHolder | None:
    """Returns the holder of an e-certificate, or None where the feed has told of none."""
    credential = tables.credential.c
    row = connection.execute(
        sa.select(*(credential[name] for name in CREDENTIAL_COLUMNS)).where(
            credential.region == region, credential.certificate_id == certificate_id
        )
    ).one_or_none()
    return None if row is None else known_holder(connection, region, credential_from(tuple(row)))


def known_holder(connection: sa.Connection, region: str, found: Credential) -> KnownHolder:
    """Returns the holder of a credential that the feed has told of."""
    person = tables.person.c
    survivors = survivors_of(connection, region, (found.person_id,))
    person_id = survivors.get(found.person_id, found.person_id)
    death_date = connection.execute(
        sa.select(person.death_date).where(person.region == region, person.person_id == person_id)
    ).scalar_one_or_none()
    return KnownHolder(found, person_id, one_person(connection, region, person_id), death_date)
