"""Accounts of years that are closed, in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from yibao_settlement.application.account_close.rows import (
    AccountCloseRows,
    ClosePosting,
    Part,
    PurseEntry,
)
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.account_close.close import (
    AccountClose,
    AccountCloseState,
    AccountCounts,
    AccountSums,
    ClosedAccount,
)
from yibao_settlement.rules.account_close.counters import Claimed
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.rules.period.month import PostingFence


@dataclasses.dataclass
class MemoryAccountCloses(AccountCloseRows):
    """Accounts of a region, what moved them, and what closed them."""

    standings: dict[str, Standing] = dataclasses.field(default_factory=dict)
    entries: dict[str, list[PurseEntry]] = dataclasses.field(default_factory=dict)
    periods: dict[str, list[Enrolment]] = dataclasses.field(default_factory=dict)
    claims: dict[str, Claimed] = dataclasses.field(default_factory=dict)
    # What accounts held as the year ended, whatever entries tell.
    held_fen: int = 0
    rows: dict[str, AccountClose] = dataclasses.field(default_factory=dict)
    parts: dict[int, Part] = dataclasses.field(default_factory=dict)
    locked: list[set[str]] = dataclasses.field(default_factory=list)
    postings: list[ClosePosting] = dataclasses.field(default_factory=list)
    done: dict[tuple[str, int], ClosedAccount] = dataclasses.field(default_factory=dict)
    waiting: dict[str, str] = dataclasses.field(default_factory=dict)

    def counts(self, benefit_year: int) -> AccountCounts:
        return AccountCounts(len(self.standings), self.held_fen)

    def insert(self, close: AccountClose) -> None:
        self.rows[close.close_id] = close

    def find(self, close_id: str) -> AccountClose | None:
        return self.rows.get(close_id)

    def newest(self, benefit_year: int) -> AccountClose | None:
        found = [each for each in self.rows.values() if each.benefit_year == benefit_year]
        found.sort(key=lambda each: (each.close_time is not None, each.close_id))
        return found[-1] if found else None

    def last_closed(self) -> int | None:
        closed = [each.benefit_year for each in self.rows.values() if each.close_time is not None]
        return max(closed, default=None)

    def close(self, close: AccountClose) -> None:
        self.rows[close.close_id] = close

    def going_on(self) -> list[AccountClose]:
        return [
            each
            for each in self.rows.values()
            if each.close_time is not None and each.finish_time is None
        ]

    def sums(self, close: AccountClose) -> tuple[AccountSums, int]:
        sums = AccountSums()
        for part in self.parts.values():
            sums = sums.plus(part.sums)
        return sums, len(self.waiting)

    def lock_close(self, close_id: str) -> AccountClose:
        return self.rows[close_id]

    def has_parts(self, close_id: str) -> bool:
        return bool(self.parts)

    def insert_parts(self, close_id: str, *, persons: int) -> None:
        self.parts = {0: Part(0, None, None, None, True), 1: Part(1, None, None)}

    def claim_part(self, close_id: str) -> Part | None:
        return next((each for each in self.parts.values() if not each.is_done), None)

    def retried(self, close_id: str) -> Part:
        return self.parts[0]

    def parts_left(self, close_id: str) -> int:
        return sum(not each.is_done for each in self.parts.values())

    def set_part(self, close_id: str, part: Part) -> None:
        self.parts[part.number] = part

    def records_of(self, part: Part, *, limit: int) -> list[str]:
        return sorted(each for each in self.standings if each > (part.reached_id or ""))[:limit]

    def taken_over(self, person_ids: Collection[str]) -> dict[str, str]:
        return {
            each: standing.merged_into
            for each, standing in self.standings.items()
            if standing.merged_into is not None
        }

    def lock_accounts(self, person_ids: Collection[str]) -> dict[str, Standing]:
        self.locked.append(set(person_ids))
        return self.accounts(person_ids)

    def accounts(self, person_ids: Collection[str]) -> dict[str, Standing]:
        return {each: self.standings[each] for each in person_ids if each in self.standings}

    def posting_fence(self) -> PostingFence:
        return PostingFence()

    def purse_entries(
        self, person_ids: Collection[str], *, since_month: int
    ) -> Mapping[str, Sequence[PurseEntry]]:
        return self.entries

    def enrolments(self, person_ids: Collection[str]) -> Mapping[str, Sequence[Enrolment]]:
        return self.periods

    def claimed(self, benefit_year: int, person_ids: Collection[str]) -> Mapping[str, Claimed]:
        return self.claims

    def merged_into(self, person_ids: Collection[str]) -> dict[str, str]:
        into = self.taken_over(person_ids)
        return {each: person for each, person in into.items() if person in person_ids}

    def not_taken(self, benefit_year: int, person_ids: Collection[str]) -> set[str]:
        return set()

    def unclaimed_before(
        self, benefit_year: int, insurance_type: str, person_ids: Collection[str]
    ) -> dict[str, int]:
        found = {}
        for (person_id, year), closed in self.done.items():
            counters = closed.counters
            if year == benefit_year - 1 and counters is not None:
                found[person_id] = counters.years_unclaimed or 0
        return found

    def store(
        self,
        close: AccountClose,
        accounts: Collection[Standing],
        postings: Sequence[ClosePosting],
        closed: Sequence[ClosedAccount],
        *,
        post_time: dt.datetime,
    ) -> None:
        self.standings.update({each.person_id: each for each in accounts})
        self.postings += postings
        for each in closed:
            assert (each.person_id, each.benefit_year) not in self.done
            self.done[each.person_id, each.benefit_year] = each

    def refuse(self, close_id: str, person_id: str, reason: str, at: dt.datetime) -> None:
        self.waiting[person_id] = reason

    def refused(self, close_id: str, *, limit: int) -> list[str]:
        return list(self.waiting)[:limit]

    def accept(self, close_id: str, person_ids: Collection[str]) -> None:
        for each in person_ids:
            self.waiting.pop(each, None)

    def held_at_end(self, benefit_year: int) -> int:
        return self.held_fen

    def finish(self, close_id: str, sums: AccountSums, at: dt.datetime) -> None:
        close = self.rows[close_id]
        self.rows[close_id] = close._replace(finish_time=at, state=AccountCloseState.DONE)

    def closed(self, person_id: str, benefit_year: int) -> ClosedAccount | None:
        return self.done.get((person_id, benefit_year))
