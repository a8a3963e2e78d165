"""Records of before, when a number was found with its type of document only (I-28).

One 18-digit number is one key now, whichever document shows it. Records that were stored
under the type as well are moved to that key at the start of the service; where two persons
bear one number, the second one is left as it is, told of, and merged by two operators.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.transactions import Transactions
from yibao_identity.application.holder import lock_persons
from yibao_identity.application.person.rows import TypedPerson
from yibao_identity.rules.document import RESIDENT_ID, TYPES_OF_SHARED_NUMBERS

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
        for page in self._pages(region):
            wanted = [each.person.person_id for each in page if _is_of_before(each)]
            if wanted:
                done = self._transactions.change(region, functools.partial(_move, wanted))
                moved, left = moved + done, left + len(wanted) - done
        return Moved(moved, left)

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
    return has_number and found.is_found_by_type and person.merged_into is None


def _move(person_ids: list[str], work: "Work") -> int:
    lock_persons(work.holders, person_ids)
    moved = 0
    for person_id in person_ids:
        person = work.persons.find(person_id)
        assert person is not None, "it is locked"
        if work.persons.of_document(person.key) is None:
            work.persons.take_document(person)
            moved += 1
    return moved


def _sharing(work: "Work", found: TypedPerson) -> Iterator[SharedNumber]:
    person = found.person
    if not _is_of_before(found):
        return
    other = work.persons.of_document(person.key)
    survivor = None if other is None else work.holders.survivor_of(other)
    if survivor is not None and survivor != person.person_id:
        yield SharedNumber(person.person_id, survivor)
