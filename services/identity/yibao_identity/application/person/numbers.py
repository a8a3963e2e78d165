"""Records of before, when a number was found with its type of document only (I-28).

One 18-digit number is one key now, whichever document shows it. Records that were stored
under the type as well are moved to that key at the start of the service; where two persons
bear one number, the second one is left as it is, told of, and merged by two operators. A
record that was merged leads from its number to the record that stays, as every other does.
"""

import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.transactions import Transactions
from yibao_identity.application.holder import lock_persons
from yibao_identity.application.person.rows import TypedPerson
from yibao_identity.rules.document import RESIDENT_ID, TYPES_OF_SHARED_NUMBERS
from yibao_identity.rules.person import Person

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

_PAGE_PERSONS = 500


@dataclass(frozen=True, slots=True)
class SharedNumber:
    """Two persons, neither of them merged, whose documents bear one number."""

    person_id: str
    other_person_id: str


@dataclass(frozen=True, slots=True)
class Moved:
    """How many records were moved to their numbers, and how many share one and were not."""

    moved: int
    left: int


class PersonNumbers:
    """Moves records of before to their numbers, and finds who bears another's. Blocks."""

    def __init__(self, transactions: "Transactions[Work]") -> None:
        """Takes what begins transactions."""
        self._transactions = transactions

    def move(self, region: str) -> Moved:
        """Moves every record of before that can be moved.

        It can be run at any time, by several processes at once, and ended at any moment.
        """
        moved = left = 0
        merged: list[str] = []
        for page in self._pages(region):
            found = [each.person for each in page if _is_of_before(each)]
            merged += [each.person_id for each in found if each.merged_into is not None]
            wanted = [each.person_id for each in found if each.merged_into is None]
            done = self._moved(region, wanted)
            moved, left = moved + done, left + len(wanted) - done
        # Last, because who stays is found by a number that both bear.
        for start in range(0, len(merged), _PAGE_PERSONS):
            wanted = merged[start : start + _PAGE_PERSONS]
            done = self._moved(region, wanted)
            moved, left = moved + done, left + len(wanted) - done
        return Moved(moved, left)

    def _moved(self, region: str, person_ids: list[str]) -> int:
        """Moves records; returns how many, which are those whose number nobody else bears."""
        if not person_ids:
            return 0
        return self._transactions.change(region, functools.partial(_move, person_ids))

    def shared(self, region: str) -> list[SharedNumber]:
        """Returns who bears the number of another person still."""
        found = []
        for page in self._pages(region):
            with self._transactions.read(region) as work:
                found += [each for person in page for each in _sharing(work, person)]
        return found

    def _pages(self, region: str) -> Iterator[list[TypedPerson]]:
        after: str | None = None
        while True:
            with self._transactions.read(region) as work:
                page = list(
                    work.persons.of_types(
                        TYPES_OF_SHARED_NUMBERS, after_person_id=after, limit=_PAGE_PERSONS
                    )
                )
            if not page:
                return
            yield page
            after = page[-1].person.person_id


def _is_of_before(found: TypedPerson) -> bool:
    person = found.person
    has_number = person.key.certificate_type == RESIDENT_ID
    return has_number and found.is_found_by_type


def _move(person_ids: list[str], work: "Work") -> int:
    # Together with who bears their numbers now, because a lower id could not be locked later.
    bearers = {work.persons.of_document(_found(work, each).key) for each in person_ids}
    locked = lock_persons(work.holders, {*person_ids, *(each for each in bearers if each)})
    return sum(_is_moved(work, _found(work, each), locked) for each in person_ids)


def _is_moved(work: "Work", person: Person, locked: Collection[str]) -> bool:
    """Tells whether a record was moved; not where its number is another person's."""
    bearer = work.persons.of_document(person.key)
    if bearer is None:
        work.persons.take_document(person)
        return True
    if not _is_same(work, bearer, person.person_id):
        return False
    if person.merged_into is not None:
        # The number leads to the record that stays already.
        work.persons.give_up_document(person.person_id)
        return True
    if bearer not in locked:
        return False
    # The record that stays is shown the document, so it has to be found by it itself.
    work.persons.give_up_document(bearer)
    work.persons.take_document(person)
    return True


def _found(work: "Work", person_id: str) -> Person:
    person = work.persons.find(person_id)
    assert person is not None, "no record is ever deleted"
    return person


def _is_same(work: "Work", person_id: str, other_person_id: str) -> bool:
    return work.holders.survivor_of(person_id) == work.holders.survivor_of(other_person_id)


def _sharing(work: "Work", found: TypedPerson) -> Iterator[SharedNumber]:
    person = found.person
    if not _is_of_before(found):
        return
    other = work.persons.of_document(person.key)
    if other is not None and not _is_same(work, other, person.person_id):
        survivor_of = work.holders.survivor_of
        yield SharedNumber(survivor_of(person.person_id), survivor_of(other))
