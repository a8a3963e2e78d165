"""Persons as identity told of them, for whoever decides about one."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from yibao_offsite.rules.person import KnownPerson


class PersonRows(Protocol):
    """The persons of a region, as one transaction finds, locks and writes them."""

    def is_followed(self) -> bool:
        """Tells whether the persons of the region are followed, be it from just now on.

        Where they are not, whom nobody finds may exist, so nothing is refused for it.
        """
        ...

    def find(self, person_id: str) -> KnownPerson | None:
        """Returns what is known of a person, or None."""
        ...

    def find_many(self, person_ids: Collection[str]) -> Mapping[str, KnownPerson]:
        """Returns what is known of persons by their ids; who is not known is left out."""
        ...

    def records_of(self, person_id: str) -> Sequence[str]:
        """Returns a record and then all others that merges made the same person's, by ids."""
        ...

    def with_merged(self, person_ids: Collection[str]) -> Collection[str]:
        """Returns which of some records others were merged into, by one statement."""
        ...

    def lock(self, person_id: str) -> KnownPerson | None:
        """Locks a person, known or not, until the transaction ends; returns what is known.

        Whoever registers, changes or ends anything of a person locks it first, and persons in
        the order of their ids. What the feed tells of a person meanwhile waits, so what is
        decided by the answer holds until the commit.
        """
        ...

    def lock_known(self, person_ids: Collection[str]) -> Mapping[str, KnownPerson] | None:
        """Does what `lock` does of persons, in the order of their ids, and returns who is known.

        Of those who are not known nothing is kept. Where persons are not followed, all are locked
        and None is returned.
        """
        ...

    def lock_concerned(self, person_ids: Collection[str]) -> Sequence[str]:
        """Locks those of the persons who were locked by anybody before; returns their ids.

        In the order of their ids. Of all others there is nothing that could have to end.
        """
        ...

    def replace(self, persons: Sequence[KnownPerson], *, reading: int) -> None:
        """Puts what was told of persons in the place of what was known; none is there twice."""
        ...

    def forget(self, *, before_reading: int) -> int:
        """Forgets who was last told of before a reading of the feed; returns how many."""
        ...


def all_records(persons: PersonRows, person_ids: Sequence[str]) -> tuple[str, ...]:
    """Returns the records of one person with all others that merges made the same person's.

    What is listed by a person is found whichever record it was written of.
    """
    return tuple(dict.fromkeys(each for id in person_ids for each in persons.records_of(id)))
