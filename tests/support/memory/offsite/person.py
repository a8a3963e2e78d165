"""What is known of persons in memory."""

import dataclasses
from collections.abc import Collection, Sequence

from yibao_offsite.application.person import PersonRows
from yibao_offsite.rules.person import KnownPerson


@dataclasses.dataclass
class MemoryPersons(PersonRows):
    """The persons of one region; `locked` names whom anybody locked, in order."""

    known: dict[str, KnownPerson] = dataclasses.field(default_factory=dict)
    followed: bool = True
    locked: list[str] = dataclasses.field(default_factory=list)
    # In which reading of the feed each was told of.
    readings: dict[str, int] = dataclasses.field(default_factory=dict)

    def is_followed(self) -> bool:
        return self.followed

    def find(self, person_id: str) -> KnownPerson | None:
        return self.known.get(person_id)

    def find_many(self, person_ids: Collection[str]) -> dict[str, KnownPerson]:
        return {each: self.known[each] for each in person_ids if each in self.known}

    def records_of(self, person_id: str) -> list[str]:
        def survivor(each: str) -> str:
            known = self.find(each)
            merged_into = None if known is None else known.merged_into
            return each if merged_into is None else survivor(merged_into)

        same = {each for each in self.known if survivor(each) == survivor(person_id)}
        return [person_id, *sorted(same - {person_id})]

    def with_merged(self, person_ids: Collection[str]) -> set[str]:
        merged_into = {each.merged_into for each in self.known.values()}
        return {each for each in person_ids if each in merged_into}

    def lock(self, person_id: str) -> KnownPerson | None:
        self.locked.append(person_id)
        return self.find(person_id)

    def lock_known(self, person_ids: Collection[str]) -> dict[str, KnownPerson] | None:
        ids = [each for each in sorted(person_ids) if each in self.known or not self.followed]
        self.locked += ids
        return {each: self.known[each] for each in ids} if self.followed else None

    def lock_concerned(self, person_ids: Collection[str]) -> list[str]:
        return sorted(set(person_ids) & set(self.locked))

    def replace(self, persons: Sequence[KnownPerson], *, reading: int) -> None:
        for person in persons:
            self.known[person.person_id] = person
            self.readings[person.person_id] = reading

    def forget(self, *, before_reading: int) -> int:
        old = [each for each in self.known if self.readings.get(each, 0) < before_reading]
        for person_id in old:
            del self.known[person_id]
        return len(old)
