"""Closing the accounts of a year behind its confirmation: pages of records, a transaction each.

All records are parted into ranges of ids. A process locks a range that nobody else works on, closes
a page of its records and stores with them how far it came: whoever goes on after a crash, or in
another process, goes on behind it. What was done with a record is a row of its own, whose key lets
nobody be closed twice.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller, Role
from yibao_common.values.clock import Clock
from yibao_common.values.errors import InvariantError, TransientError
from yibao_common.values.ids import Ids, IdsAbove
from yibao_settlement.application.account_close.page import ClosePage
from yibao_settlement.application.account_close.rows import AccountCloseRows, Brought
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.account_close.close import AccountClose, AccountSums, CloseRules
from yibao_settlement.rules.account_close.counters import (
    NO_CLAIM,
    Claimed,
    claimed_by_all,
)

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

FINISH_METHOD = "FinishAccountClose"
# Two operators asked for it, and nobody waits for its answer.
ITSELF = Caller(Role.SERVICE, "settlement", "service/settlement")
# Records of a part: some hundred parts of a large region, for as many processes as there are.
_PART = 5_000
# Records of a page, whose accounts are locked for a fraction of a second.
PAGE = 500
ReadRules = Callable[[bytes], CloseRules]


class PageDone(NamedTuple):
    """What a page did: how many records it passed, and whether the whole closing is done."""

    passed: int
    is_finished: bool
    # Whether nothing is left that this process could take on now.
    is_idle: bool = False


class AccountClosing:
    """Closes accounts of confirmed years. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        read_rules: ReadRules,
        clock: Clock,
        ids: Ids,
        part_size: int = _PART,
    ) -> None:
        """Takes what begins transactions, what reads the file of a close, and its clock.

        Records are parted into ranges of `part_size`, of which each process takes one at a time.
        """
        self._part_size = part_size
        self._transactions = transactions
        self._read_rules = read_rules
        self._clock = clock
        self._ids = ids
        self._known: dict[str, CloseRules] = {}

    def going_on(self, region: str) -> Sequence[AccountClose]:
        """Returns the closings of a region that are not done."""
        with self._transactions.read(region) as work:
            return work.account_closes.going_on()

    def refused_count(self, close: AccountClose) -> int:
        """Returns how many accounts could not be closed."""
        with self._transactions.read(close.region) as work:
            return work.account_closes.sums(close)[1]

    def next_page(self, close: AccountClose, *, limit: int = PAGE) -> PageDone:
        """Closes the next page of a closing; other processes may do so at once.

        An account that cannot be closed keeps no other from its turn, and is tried again in each
        round once the others are.
        """
        region = close.region
        with self._transactions.read(region) as work:
            is_parted = work.account_closes.has_parts(close.close_id)
        if not is_parted:
            self._transactions.change(region, lambda work: self._part(work, close))
        done = self._transactions.change(region, lambda work: self._page(work, close, limit))
        if done is not None:
            return PageDone(done, False)
        with self._transactions.read(region) as work:
            if work.account_closes.parts_left(close.close_id):
                # Others work on what is left.
                return PageDone(0, False, is_idle=True)
        return self._end(close, limit)

    def _part(self, work: "Work", close: AccountClose) -> None:
        rows = work.account_closes
        rows.lock_close(close.close_id)
        if not rows.has_parts(close.close_id):
            rows.insert_parts(close.close_id, persons=self._part_size)

    def _page(self, work: "Work", close: AccountClose, limit: int) -> int | None:
        rows = work.account_closes
        part = rows.claim_part(close.close_id)
        if part is None:
            return None
        ids = rows.records_of(part, limit=limit)
        page = self._closed(rows, close, ids)
        reached_id = ids[-1] if ids else part.reached_id
        is_done = len(ids) < limit
        sums = part.sums.plus(page.sums)
        rows.set_part(
            close.close_id, part._replace(reached_id=reached_id, is_done=is_done, sums=sums)
        )
        return len(ids)

    def _closed(self, rows: AccountCloseRows, close: AccountClose, ids: Sequence[str]) -> ClosePage:
        """Closes records in the transaction of their accounts' locks, and stores it."""
        rules, year = self._rules_of(close), close.benefit_year
        owners = rows.taken_over(ids)
        accounts = dict(rows.lock_accounts({*ids, *owners.values()}))
        _check_owners(accounts, owners)
        fence = rows.posting_fence()
        now = fence.time(self._clock())
        ids_above = IdsAbove(self._ids, fence.posting_id)
        page = ClosePage(close, rules, accounts, owners, now, ids_above)
        for each in self._brought(rows, rules, year, ids, accounts):
            page.take(each)
        changed = [page.accounts[each] for each in sorted(page.changed)]
        rows.store(close, changed, page.postings, page.closed, post_time=now)
        for person_id, reason in page.refused.items():
            rows.refuse(close.close_id, person_id, reason, now)
        return page

    def _rules_of(self, close: AccountClose) -> CloseRules:
        if close.rules_version not in self._known:
            self._known[close.rules_version] = self._read_rules(close.rules_file)
        return self._known[close.rules_version]

    @staticmethod
    def _brought(
        rows: AccountCloseRows,
        rules: CloseRules,
        year: int,
        ids: Sequence[str],
        accounts: Mapping[str, Standing],
    ) -> list[Brought]:
        entries = rows.purse_entries(ids, since_month=year * 100 + 1)
        counters = rules.counters
        if counters is None:
            return [
                Brought(each, accounts.get(each), entries.get(each, ()), (), None, None)
                for each in ids
            ]
        enrolments = rows.enrolments(ids)
        # A merge moves no bill: what a person claimed is told of each record.
        records = {each: [each] for each in ids}
        for record_id, person_id in rows.merged_into(ids).items():
            records[person_id].append(record_id)
        among = {*itertools.chain.from_iterable(records.values())}
        claims = rows.claimed(year, among)
        unknown = rows.not_taken(year, among)
        before = rows.unclaimed_before(year, counters.insurance_type, among)

        def claimed(person_id: str) -> Claimed | None:
            return claimed_by_all(
                [
                    None if each in unknown else claims.get(each, NO_CLAIM)
                    for each in records[person_id]
                ]
            )

        def unclaimed_before(person_id: str) -> int | None:
            # The least: a number that is too high raises a limit.
            return min(
                (before[each] for each in records[person_id] if each in before), default=None
            )

        return [
            Brought(
                each,
                accounts.get(each),
                entries.get(each, ()),
                enrolments.get(each, ()),
                claimed(each),
                unclaimed_before(each),
            )
            for each in ids
        ]

    def _end(self, close: AccountClose, limit: int) -> PageDone:
        """Tries again what was refused, and notes that all is done once it is."""
        region = close.region
        with self._transactions.read(region) as work:
            refused = work.account_closes.refused(close.close_id, limit=limit)
        if refused:
            self._transactions.change(region, lambda work: self._again(work, close, refused))
        with self._transactions.read(region) as work:
            sums, left = work.account_closes.sums(close)
            if left:
                return PageDone(len(refused), False, is_idle=True)
            held_fen = work.account_closes.held_at_end(close.benefit_year)
        if sums.balance_fen != held_fen:
            # Nobody is left out and nobody taken twice, whatever went wrong: T-08.
            raise InvariantError(
                f"accounts held {held_fen} fen at the end of {close.benefit_year}, closed are "
                f"{sums.balance_fen}"
            )
        self._transactions.change(region, lambda work: self._finish(work, close))
        return PageDone(len(refused), True)

    def _again(self, work: "Work", close: AccountClose, refused: Sequence[str]) -> None:
        rows = work.account_closes
        rows.lock_close(close.close_id)
        # Another process may have been first.
        ids = [each for each in refused if rows.closed(each, close.benefit_year) is None]
        rows.accept(close.close_id, refused)
        page = self._closed(rows, close, ids)
        rows.set_part(close.close_id, rows.retried(close.close_id).plus(page.sums))

    def _finish(self, work: "Work", close: AccountClose) -> None:
        rows = work.account_closes
        found = rows.lock_close(close.close_id)
        if found.finish_time is not None:
            return
        sums, left = rows.sums(close)
        if left or rows.parts_left(close.close_id):
            return
        now = self._clock()
        rows.finish(close.close_id, sums, now)
        request = Request.trial(ITSELF, method=FINISH_METHOD, region=close.region)
        detail = finish_detail(close, sums)
        work.audit.add(entry_of(request, at=now, subject_ids=(close.close_id,), detail=detail))


def _check_owners(accounts: Mapping[str, Standing], owners: Mapping[str, str]) -> None:
    """Raises TransientError where accounts were moved by a merge before they were locked."""
    for person_id, standing in accounts.items():
        if (standing.merged_into is not None) != (person_id in owners):
            raise TransientError("an account moved on while it was waited for")


def finish_detail(close: AccountClose, sums: AccountSums) -> dict[str, str]:
    """Returns what the audit tells of closed accounts; the ledger checker compares it."""
    return {
        "close": close.close_id,
        "benefit_year": str(close.benefit_year),
        "rules": close.rules_version,
        "persons": str(sums.person_count),
        "accounts": str(sums.account_count),
        "balance_fen": str(sums.balance_fen),
        "interest_fen": str(sums.interest_fen),
    }
