"""What the annual close of accounts finds, locks and writes."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.account_close.close import (
    AccountClose,
    AccountCounts,
    AccountSums,
    ClosedAccount,
)
from yibao_settlement.rules.account_close.counters import Claimed
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.rules.ledger import Entry, PostingKind
from yibao_settlement.rules.period.month import PostingFence


class Part(NamedTuple):
    """A range of persons' ids that one process closes at a time: behind `after_id`, up to and
    with `until_id`, None where it has no such end. `reached_id` is the last that was passed.
    """

    number: int
    after_id: str | None
    until_id: str | None
    reached_id: str | None = None
    is_done: bool = False
    sums: AccountSums = AccountSums()

    def plus(self, sums: AccountSums) -> "Part":
        """Returns the part with what more was closed of it."""
        return self._replace(sums=self.sums.plus(sums))


class PurseEntry(NamedTuple):
    """What an entry did to a purse, and when it was posted; None where nothing tells that."""

    posting_id: str
    kind: PostingKind
    is_carried: bool
    amount_fen: int
    post_time: dt.datetime | None


class ClosePosting(NamedTuple):
    """A posting of a close."""

    posting_id: str
    kind: PostingKind
    entries: tuple[Entry, ...]


class AccountCloseRows(Protocol):
    """The closing of accounts of a region, as one transaction finds it."""

    def counts(self, benefit_year: int) -> AccountCounts:
        """Returns how many records there are, and what accounts held at a year's end; reads all
        entries of accounts.
        """
        ...

    def insert(self, close: AccountClose) -> None:
        """Stores what is proposed."""
        ...

    def find(self, close_id: str) -> AccountClose | None:
        """Returns what was proposed, or None."""
        ...

    def newest(self, benefit_year: int) -> AccountClose | None:
        """Returns what closed a year's accounts, else what was proposed last, or None."""
        ...

    def last_closed(self) -> int | None:
        """Returns the last year whose accounts are closed or being closed, or None."""
        ...

    def close(self, close: AccountClose) -> None:
        """Stores that a closing is confirmed, once."""
        ...

    def going_on(self) -> Sequence[AccountClose]:
        """Returns the closings that are confirmed and not done, the first year first."""
        ...

    def sums(self, close: AccountClose) -> tuple[AccountSums, int]:
        """Returns what a closing comes to by now, and how many records it could not close."""
        ...

    def lock_close(self, close_id: str) -> AccountClose:
        """Returns a closing, whose row no other process locks meanwhile."""
        ...

    def has_parts(self, close_id: str) -> bool:
        """Tells whether the records of a closing are parted."""
        ...

    def insert_parts(self, close_id: str, *, persons: int) -> None:
        """Parts all records that there are into ranges of so many."""
        ...

    def claim_part(self, close_id: str) -> Part | None:
        """Locks a part that is not done and that no other process works on, None without one."""
        ...

    def retried(self, close_id: str) -> Part:
        """Returns the part of those that were refused first; the closing is locked."""
        ...

    def parts_left(self, close_id: str) -> int:
        """Returns how many parts are not done, whoever works on them."""
        ...

    def set_part(self, close_id: str, part: Part) -> None:
        """Stores how far a part is, whose row was locked."""
        ...

    def records_of(self, part: Part, *, limit: int) -> Sequence[str]:
        """Returns the next records of a part, by their ids."""
        ...

    def taken_over(self, person_ids: Collection[str]) -> Mapping[str, str]:
        """Returns of records that were merged who has their account now.

        And of those between, where who took one over was merged in turn.
        """
        ...

    def lock_accounts(self, person_ids: Collection[str]) -> Mapping[str, Standing]:
        """Locks standings in the order of their ids and returns them; some have none."""
        ...

    def accounts(self, person_ids: Collection[str]) -> Mapping[str, Standing]:
        """Returns standings without a lock; some have none."""
        ...

    def posting_fence(self) -> PostingFence:
        """Returns what every posting must lie behind, once accounts are locked."""
        ...

    def purse_entries(
        self, person_ids: Collection[str], *, since_month: int
    ) -> Mapping[str, Sequence[PurseEntry]]:
        """Returns what moved accounts since a month, by record, in the order of postings."""
        ...

    def enrolments(self, person_ids: Collection[str]) -> Mapping[str, Sequence[Enrolment]]:
        """Returns the periods of persons."""
        ...

    def claimed(
        self, benefit_year: int, person_ids: Collection[str]
    ) -> Mapping[str, Claimed | None]:
        """Returns what a year's closing statements say, of records that have one.

        None where a statement cannot be read.
        """
        ...

    def merged_into(self, person_ids: Collection[str]) -> Mapping[str, str]:
        """Returns records that were merged into persons, however far, with whose they are."""
        ...

    def not_taken(self, benefit_year: int, person_ids: Collection[str]) -> Collection[str]:
        """Returns whose statements of a year could not be taken."""
        ...

    def unclaimed_before(
        self, benefit_year: int, insurance_type: str, person_ids: Collection[str]
    ) -> Mapping[str, int]:
        """Returns the years without a claim that records began a year with, by the close before."""
        ...

    def store(
        self,
        close: AccountClose,
        accounts: Collection[Standing],
        postings: Sequence[ClosePosting],
        closed: Sequence[ClosedAccount],
        *,
        post_time: dt.datetime,
    ) -> None:
        """Stores what was done with records, and their accounts; raises where one is there."""
        ...

    def refuse(self, close_id: str, person_id: str, reason: str, at: dt.datetime) -> None:
        """Stores that an account could not be closed, and why, in place of what was stored."""
        ...

    def refused(self, close_id: str, *, limit: int) -> Sequence[str]:
        """Returns whose account could not be closed, that tried longest ago first."""
        ...

    def accept(self, close_id: str, person_ids: Collection[str]) -> None:
        """Forgets that accounts could not be closed."""
        ...

    def held_at_end(self, benefit_year: int) -> int:
        """Returns what all accounts held at the end of a year by their entries, in fen."""
        ...

    def finish(self, close_id: str, sums: AccountSums, at: dt.datetime) -> None:
        """Stores that all accounts are closed, once."""
        ...

    def closed(self, person_id: str, benefit_year: int) -> ClosedAccount | None:
        """Returns what a close did with a record, or None."""
        ...


class Brought(NamedTuple):
    """What a record brings: its account, what moved it, and what counters need."""

    person_id: str
    standing: Standing | None
    entries: Sequence[PurseEntry]
    enrolments: Sequence[Enrolment]
    claimed: Claimed | None
    unclaimed_before: int | None
