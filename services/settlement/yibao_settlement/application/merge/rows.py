"""What merges find, lock and write: accounts, years and bills of persons."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from yibao_settlement.application.merge.account import PersonAccount
from yibao_settlement.application.merge.bills import BillPlace
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.rules.account import Accumulators
from yibao_settlement.rules.ledger import Entry, PostingKind
from yibao_settlement.rules.period.month import PostingFence, month_of, original_month
from yibao_settlement.rules.policy.any_policy import AnyPolicy


@dataclass(frozen=True, slots=True)
class MergePosting:
    """What a merge posts, and the change of the feed that it is for."""

    posting_id: str
    feed_sequence: int
    post_time: dt.datetime
    entries: tuple[Entry, ...]
    kind: PostingKind = PostingKind.MERGE
    # When the bill was settled that it adjusts.
    changed_time: dt.datetime | None = None

    @property
    def months(self) -> tuple[int, int | None]:
        """The month that it is of, and that of what it changes where it is another one."""
        month = month_of(self.post_time)
        return month, original_month(self.changed_time, month)


@dataclass(frozen=True, slots=True)
class UndecidedMerge:
    """A merge after which the bills of both still cost what each record's had cost alone.

    `settlement_id` is the bill that its policy cannot decide any more; empty where the
    windows or a record are not what they should be.
    """

    retired_id: str
    survivor_id: str
    settlement_id: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What merges changed: accounts in the order of their ids, stays, and settled bills.

    `postings` moved between accounts, or are those of `adjustments`.
    """

    accounts: tuple[PersonAccount, ...]
    postings: tuple[MergePosting, ...]
    stays: Mapping[str, Accumulators] = field(default_factory=dict)
    adjustments: tuple[Adjustment, ...] = ()
    undecided: tuple[UndecidedMerge, ...] = ()

    @property
    def merged(self) -> dict[str, str]:
        """Whose account passed to whom: what they hold passes with it."""
        return {each.person_id: each.merged_into for each in self.accounts if each.merged_into}


class MergeRows(Protocol):
    """Accounts, years and bills of persons, as the transaction that applies the feed moves them."""

    def survivors_of(self, person_ids: Collection[str]) -> Mapping[str, str]:
        """Returns, for those who were merged, who stands in their place now.

        A survivor may have been merged in turn: the last one of each chain is told.
        """
        ...

    def lock(self, person_ids: Collection[str]) -> Mapping[str, PersonAccount]:
        """Locks the persons' standings in the order of their ids, and returns all accounts."""
        ...

    def posting_fence(self) -> PostingFence:
        """Returns what every posting must lie behind, read under the locks."""
        ...

    def standing_bills(self, person_id: str) -> Sequence[BillPlace]:
        """Returns the bills that stand, held too, of every record that was merged into one."""
        ...

    def bills(self, settlement_ids: Collection[str]) -> Mapping[str, SettlementRecord]:
        """Returns bills by id, as what is left of them and with what moved of them since."""
        ...

    def stays(self, visit_ids: Collection[str]) -> Mapping[str, Accumulators]:
        """Returns what windows of stays hold, by the visit that began each."""
        ...

    def policy(self, policy_version: str) -> AnyPolicy | None:
        """Returns a policy as it is stored, whatever its state."""
        ...

    def store(self, moved: Moved) -> None:
        """Stores accounts that were locked, bills that moved, and the postings."""
        ...
