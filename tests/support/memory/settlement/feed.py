"""The feed's position and persons in memory, and the accounts that merges move."""

import dataclasses
from collections.abc import Collection, Sequence

from yibao_settlement.application.feed import EnrolmentChange, FeedRows
from yibao_settlement.application.merge import MergePosting, MergeRows, Moved, PersonAccount


@dataclasses.dataclass
class MemoryFeed(FeedRows):
    """What is known of the persons of one region."""

    sequence: int = 0
    persons: dict[str, EnrolmentChange] = dataclasses.field(default_factory=dict)
    # What was done, in order.
    done: list[str] = dataclasses.field(default_factory=list)

    def position(self) -> int:
        return self.sequence

    def lock_position(self) -> int:
        self.done.append("lock position")
        return self.sequence

    def move_position(self, sequence: int) -> None:
        self.done.append("move position")
        self.sequence = sequence

    def replace(self, changes: Sequence[EnrolmentChange]) -> None:
        self.done.append("replace")
        self.persons.update({change.person.person_id: change for change in changes})


@dataclasses.dataclass
class MemoryMerges(MergeRows):
    """Accounts of one region; who was merged is told by the persons of `feed`."""

    feed: MemoryFeed
    accounts: dict[str, PersonAccount] = dataclasses.field(default_factory=dict)
    postings: list[MergePosting] = dataclasses.field(default_factory=list)

    def survivors_of(self, person_ids: Collection[str]) -> dict[str, str]:
        return {each: self._last(each) for each in person_ids if self._last(each) != each}

    def lock(self, person_ids: Collection[str]) -> dict[str, PersonAccount]:
        self.feed.done.append(f"lock {' '.join(sorted(person_ids))}")
        return {
            each: self.accounts.get(each, PersonAccount(each, 0, {}, None)) for each in person_ids
        }

    def store(self, moved: Moved) -> None:
        self.feed.done.append("store accounts")
        self.accounts.update({account.person_id: account for account in moved.accounts})
        self.postings += moved.postings

    def _last(self, person_id: str) -> str:
        while (change := self.feed.persons.get(person_id)) and change.person.merged_into:
            person_id = change.person.merged_into
        return person_id
