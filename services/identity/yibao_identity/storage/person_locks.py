"""The lock that every command takes first: the rows of the persons it is about."""

import datetime as dt
import hmac
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_common.keys.vault import Vault
from yibao_common.values.errors import TransientError
from yibao_identity.rules.documents import ShownDocument, check_shown, normalised
from yibao_identity.rules.person import person_merged, person_not_found
from yibao_identity.storage import tables


@dataclass(frozen=True, slots=True, repr=False)
class LockedPerson:
    """What a command needs to know of a person whose row it holds."""

    person_id: str
    birth_date: dt.date
    merged_into: str | None
    number_hash: bytes


def lock_persons(
    connection: sa.Connection, region: str, person_ids: Collection[str]
) -> dict[str, LockedPerson]:
    """Locks the rows of `person_ids`, in rising order, until the transaction ends.

    Two commands that are about the same persons so wait for each other, and never both.

    Raises:
        RuleError: PERSON_NOT_FOUND, the first of them that is not registered.
    """
    wanted = sorted(set(person_ids))
    rows = select_rows(
        connection,
        tables.person,
        ("person_id", "birth_date", "merged_into", "number_hash"),
        region=region,
        key="person_id",
        among=wanted,
        for_update=True,
    )
    found = {
        person_id: LockedPerson(person_id, birth_date, merged_into, bytes(number_hash))
        for person_id, birth_date, merged_into, number_hash in rows
    }
    for person_id in wanted:
        if person_id not in found:
            raise person_not_found(person_id)
    return found


def live_person(locked: LockedPerson) -> LockedPerson:
    """Returns the person, refusing one whose record was merged into another.

    Raises:
        RuleError: PERSON_MERGED.
    """
    if locked.merged_into is not None:
        raise person_merged(locked.person_id, merged_into=locked.merged_into)
    return locked


def lock_live_person(connection: sa.Connection, region: str, person_id: str) -> LockedPerson:
    """Locks the row of one person who is in use.

    Raises:
        RuleError: PERSON_NOT_FOUND, PERSON_MERGED.
    """
    return live_person(lock_persons(connection, region, [person_id])[person_id])


def lock_survivor(connection: sa.Connection, region: str, person_id: str) -> str:
    """Locks a person and the record that took its place; returns the id of that one.

    Raises:
        TransientError: that one was merged itself meanwhile; the repetition finds the next.
    """
    survivor = _surviving_id(connection, region, person_id)
    if lock_persons(connection, region, [person_id, survivor])[survivor].merged_into is not None:
        raise TransientError("the person was merged at this moment")
    return survivor


def check_shown_document(
    vault: Vault, document: ShownDocument | None, locked: LockedPerson
) -> None:
    """Refuses where the document is not that of the locked person.

    Raises:
        RuleError: ID_REQUIRED, ID_MISMATCH.
    """
    is_holders = False
    if document is not None:
        shown_hash = vault.number_hash(
            document.certificate_type, normalised(document.certificate_number)
        )
        is_holders = hmac.compare_digest(shown_hash, locked.number_hash)
    check_shown(document, is_holders=is_holders)


def _surviving_id(connection: sa.Connection, region: str, person_id: str) -> str:
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
