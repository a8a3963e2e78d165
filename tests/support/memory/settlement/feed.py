"""The feed's position and persons in memory, and the accounts that merges move."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence

from yibao_settlement.application.feed import EnrolmentChange, FeedPosition, FeedRows, Gone
from yibao_settlement.application.merge.account import PersonAccount
from yibao_settlement.application.merge.bills import BillPlace
from yibao_settlement.application.merge.rows import MergePosting, MergeRows, Moved
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.account import Accumulators
from yibao_settlement.rules.period.month import PostingFence
from yibao_settlement.rules.policy.any_policy import AnyPolicy


@dataclasses.dataclass
class MemoryFeed(FeedRows):
    """What is known of the persons of one region."""

    place: FeedPosition = dataclasses.field(default_factory=FeedPosition)
    persons: dict[str, EnrolmentChange] = dataclasses.field(default_factory=dict)
    # What was done, in order.
    done: list[str] = dataclasses.field(default_factory=list)

    # In which reading each person was told of, and who is gone.
    readings: dict[str, int] = dataclasses.field(default_factory=dict)
    gone: set[str] = dataclasses.field(default_factory=set)

    def position(self) -> FeedPosition:
        return self.place

    def lock_position(self) -> FeedPosition:
        self.done.append("lock position")
        return self.place

    def move_position(self, position: FeedPosition) -> None:
        self.done.append("move position")
        self.place = position

    def replace(self, changes: Sequence[EnrolmentChange], *, reading: int) -> None:
        self.done.append("replace")
        for change in changes:
            self.persons[change.person.person_id] = change
            self.readings[change.person.person_id] = reading
            self.gone.discard(change.person.person_id)

    def part_from(self, *, before_reading: int, at: dt.datetime) -> Gone:
        old = {each for each, reading in self.readings.items() if reading < before_reading}
        gone = old - self.gone
        self.gone |= gone
        return Gone(len(gone), 0)


@dataclasses.dataclass
class MemoryMerges(MergeRows):
    """Accounts of one region, without bills; who was merged is told by the persons of `feed`."""

    feed: MemoryFeed
    accounts: dict[str, PersonAccount] = dataclasses.field(default_factory=dict)
    postings: list[MergePosting] = dataclasses.field(default_factory=list)
    fence: str = ""

    def survivors_of(self, person_ids: Collection[str]) -> dict[str, str]:
        return {each: self._last(each) for each in person_ids if self._last(each) != each}

    def lock(self, person_ids: Collection[str]) -> dict[str, PersonAccount]:
        self.feed.done.append(f"lock {' '.join(sorted(person_ids))}")
        return {
            each: self.accounts.get(each, PersonAccount(each, 0, {}, None)) for each in person_ids
        }

    def posting_fence(self) -> PostingFence:
        return PostingFence(self.fence)

    def standing_bills(self, person_id: str) -> list[BillPlace]:
        self.feed.done.append(f"bills of {person_id}")
        return []

    def bills(self, settlement_ids: Collection[str]) -> dict[str, SettlementRecord]:
        raise AssertionError("there are no bills")

    def stays(self, visit_ids: Collection[str]) -> dict[str, Accumulators]:
        raise AssertionError("there are no stays")

    def policy(self, policy_version: str) -> AnyPolicy | None:
        raise AssertionError("no bill is decided")

    def store(self, moved: Moved) -> None:
        self.feed.done.append("store accounts")
        self.accounts.update({account.person_id: account for account in moved.accounts})
        self.postings += moved.postings

    def _last(self, person_id: str) -> str:
        while (change := self.feed.persons.get(person_id)) and change.person.merged_into:
            person_id = change.person.merged_into
        return person_id
