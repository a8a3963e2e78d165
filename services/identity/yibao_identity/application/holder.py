"""Whose credentials a command is about: the lock that it takes first, and whom it proves.

A holder (持卡人, 持码人) is an insured person as the other features need to know one.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.death import check_alive
from yibao_identity.rules.document import ShownDocument, check_shown, person_key
from yibao_identity.rules.person import person_merged, person_not_found


@dataclass(frozen=True, slots=True, repr=False)
class LockedPerson:
    """What a command needs to know of a person whose row it holds."""

    person_id: str
    birth_date: dt.date
    merged_into: str | None
    death_date: dt.date | None = None


class HolderRows(Protocol):
    """The rows of persons, as what every command locks first."""

    def lock(self, person_ids: Collection[str]) -> Mapping[str, LockedPerson]:
        """Locks the rows of those who exist, in rising order, until the transaction ends."""
        ...

    def survivor_of(self, person_id: str) -> str:
        """Returns the record that took the place of a person's, or the person's own."""
        ...

    def records_of(self, person_id: str) -> Collection[str]:
        """Returns a person's id and those of all records that were merged into it."""
        ...

    def has_document(self, person_id: str, document: ShownDocument) -> bool:
        """Tells whether a person is found by the document, a `rules.document.person_key`."""
        ...

    def number_of(self, person_id: str) -> str:
        """Returns the number of the document that a person is registered with."""
        ...

    def of_open_certificate(self, certificate_id: str) -> str | None:
        """Returns the person of an e-certificate that is not closed, or None."""
        ...

    def has_certificate(self, certificate_id: str) -> bool:
        """Tells whether there is an e-certificate, closed or not."""
        ...


def lock_persons(rows: HolderRows, person_ids: Collection[str]) -> Mapping[str, LockedPerson]:
    """Locks persons, in rising order, until the transaction ends.

    Two commands that are about the same persons so wait for each other, and never both.

    Raises:
        RuleError: PERSON_NOT_FOUND, the first of them that is not registered.
    """
    found = rows.lock(person_ids)
    for person_id in sorted(set(person_ids)):
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


def lock_living_person(rows: HolderRows, person_id: str) -> LockedPerson:
    """Locks the row of one person who is in use and lives.

    Raises:
        RuleError: PERSON_NOT_FOUND, PERSON_MERGED, PERSON_DECEASED.
    """
    locked = lock_live_person(rows, person_id)
    check_alive(locked.death_date)
    return locked


def lock_live_person(rows: HolderRows, person_id: str) -> LockedPerson:
    """Locks the row of one person who is in use.

    Raises:
        RuleError: PERSON_NOT_FOUND, PERSON_MERGED.
    """
    return live_person(lock_persons(rows, [person_id])[person_id])


def lock_survivor(rows: HolderRows, person_id: str) -> str:
    """Locks a person and the record that took its place; returns the id of that one.

    Raises:
        TransientError: that one was merged itself meanwhile; the repetition finds the next.
    """
    survivor = rows.survivor_of(person_id)
    if lock_persons(rows, [person_id, survivor])[survivor].merged_into is not None:
        raise TransientError("the person was merged at this moment")
    return survivor


def check_shown_document(rows: HolderRows, document: ShownDocument | None, person_id: str) -> None:
    """Refuses where the document is not that of the person.

    Raises:
        RuleError: ID_REQUIRED, ID_MISMATCH.
    """
    is_holders = document is not None and rows.has_document(person_id, person_key(document))
    check_shown(document, is_holders=is_holders)


def require_holder(rows: HolderRows, caller: Caller, person_id: str) -> None:
    """Refuses a holder who acts for somebody else; lets pass every other role.

    A holder is known by an e-certificate, which has to be the person's and not closed.

    Raises:
        RuleError: OUT_OF_SCOPE.
    """
    if caller.role is Role.HOLDER and rows.of_open_certificate(caller.id) != person_id:
        raise RuleError(
            Reason.OUT_OF_SCOPE,
            f"the caller does not act for person {person_id}",
            scope=f"person/{person_id}",
        )
