"""Rules of a region: submitted by one operator, approved by another, read as of a day."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_offsite.rules.region_rules import (
    RegionRules,
    StoredRules,
    approve_rules,
    check_submitted_again,
    rules_not_found,
)

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

Encode = Callable[[StoredRules], bytes]


class RulesPlace(NamedTuple):
    """A place in the list of rules."""

    effective_date: dt.date
    rules_version: str


class RegionRulesRows(Protocol):
    """Rules of a region, as one transaction finds, locks and writes them."""

    def in_force(self, day: dt.date) -> RegionRules | None:
        """Returns what the rules in force on a day say, as known now, or None."""
        ...

    def find_in_force(self, day: dt.date, *, known_time: dt.datetime | None) -> StoredRules | None:
        """Returns the rules in force on a day, as known at a time, or None.

        None is now: all that were approved are known, also by a clock that was ahead. Of those
        known, those that begin last by the day; of those that begin on one day, the ones that
        were approved last.
        """
        ...

    def find(self, rules_version: str) -> StoredRules | None:
        """Returns rules, whatever their state, or None."""
        ...

    def lock(self, rules_version: str) -> StoredRules | None:
        """Locks rules until the transaction ends and returns them, or None."""
        ...

    def page(self, *, after: RulesPlace | None, limit: int) -> Sequence[StoredRules]:
        """Returns at most `limit` rules, those that begin last first."""
        ...

    def insert(self, rules: StoredRules) -> None:
        """Stores a draft."""
        ...

    def last_approve_time(self) -> dt.datetime | None:
        """Returns when rules of the region were approved last, None before the first."""
        ...

    def approve(self, rules: StoredRules) -> None:
        """Stores who approved rules that were locked, and when."""
        ...


@dataclass(frozen=True, slots=True)
class SubmitRules:
    """Submits a file of rules; it was read, and `rules_version` is its SHA-256."""

    request: Request
    rules_version: str
    effective_date: dt.date
    contents: bytes


class RulesOfRegions:
    """What callers ask of rules. Blocks."""

    def __init__(
        self, transactions: "Transactions[Work]", *, national: StoredRules, clock: Clock
    ) -> None:
        """Takes what begins transactions, and the rules of regions that approved none."""
        self._transactions = transactions
        self._national = national
        self._clock = clock

    def submit(self, command: SubmitRules, encode: Encode) -> bytes:
        """Submits a draft once by request id and returns the answer's bytes.

        Raises:
            RuleError: REQUEST_ID_REUSED, OFFSITE_RULES_STATE.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._submit(work, command))
        )

    def approve(self, request: Request, rules_version: str, encode: Encode) -> bytes:
        """Approves a draft once by request id and returns the answer's bytes.

        Raises:
            RuleError: REQUEST_ID_REUSED, OFFSITE_RULES_NOT_FOUND, OFFSITE_RULES_STATE,
                SAME_MAKER_AND_CHECKER.
        """
        return self._transactions.once(
            request, lambda work: encode(self._approve(work, request, rules_version))
        )

    def find(self, region: str, rules_version: str) -> StoredRules:
        """Returns rules, whatever their state. Raises RuleError OFFSITE_RULES_NOT_FOUND."""
        if rules_version == self._national.rules_version:
            return self._national
        with self._transactions.read(region) as work:
            found = work.region_rules.find(rules_version)
        if found is None:
            raise rules_not_found(rules_version)
        return found

    def in_force(
        self, region: str, day: dt.date | None, known_time: dt.datetime | None
    ) -> StoredRules:
        """Returns the rules in force on a day, as known at a time; of today, as known now."""
        now = self._clock()
        with self._transactions.read(region) as work:
            found = work.region_rules.find_in_force(day or shanghai_day(now), known_time=known_time)
        return found or self._national

    def page(self, region: str, *, after: RulesPlace | None, limit: int) -> Sequence[StoredRules]:
        """Returns at most `limit` rules of a region, those that begin last first."""
        with self._transactions.read(region) as work:
            return work.region_rules.page(after=after, limit=limit)

    def _submit(self, work: "Work", command: SubmitRules) -> StoredRules:
        request = command.request
        known = work.region_rules.lock(command.rules_version)
        if known is not None:
            check_submitted_again(known, effective_date=command.effective_date)
            return known
        draft = StoredRules(
            request.region,
            command.rules_version,
            command.effective_date,
            command.contents,
            request.caller.path,
            self._clock(),
        )
        work.region_rules.insert(draft)
        self._record(work, request, draft)
        return draft

    def _approve(self, work: "Work", request: Request, rules_version: str) -> StoredRules:
        draft = work.region_rules.lock(rules_version)
        approved = approve_rules(
            draft,
            rules_version,
            checker=request.caller.path,
            now=self._clock(),
            last_time=work.region_rules.last_approve_time(),
        )
        work.region_rules.approve(approved)
        self._record(work, request, approved)
        return approved

    def _record(self, work: "Work", request: Request, rules: StoredRules) -> None:
        detail = {
            "rules_version": rules.rules_version,
            "effective_date": rules.effective_date.isoformat(),
            "maker": rules.maker,
        }
        work.audit.add(entry_of(request, at=self._clock(), subject_ids=(), detail=detail))
