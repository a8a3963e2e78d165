"""Examining the books of every region, in one snapshot of the live database.

It trusts nothing that the engine kept: every figure is derived again from the entries
and the stored settlements. `yibao doctor --ledger` prints its report.
"""

import functools
from collections.abc import Callable, Iterator, Mapping

import sqlalchemy as sa

from yibao_common.db.audit_chain import check_chain
from yibao_common.db.database import Database
from yibao_common.values.errors import InvariantError
from yibao_settlement.ledger_check.difference import Owed, order_faults, without_order
from yibao_settlement.ledger_check.report import INVARIANTS, Drift, LedgerReport
from yibao_settlement.ledger_check.settlement import settlement_faults
from yibao_settlement.ledger_check.used_up import Row, UsedUp, row_of_scope, row_of_year
from yibao_settlement.rules.account import NO_PURSES, Purses
from yibao_settlement.rules.ledger import PostingKind, carried_account, person_account
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.storage import tables
from yibao_settlement.storage.difference import booked as differences
from yibao_settlement.storage.ledger import facts, told
from yibao_settlement.storage.ledger.booked import BookedSettlement, booked_settlements
from yibao_settlement.storage.reference import ReferenceCache


def check_ledger(database: Database) -> LedgerReport:
    """Examines every region and returns the report; changes nothing."""
    report = LedgerReport()
    cache = ReferenceCache()
    with database.read() as connection:
        for region in facts.regions(connection):
            find_policy = functools.partial(cache.policy_version, connection, region)
            merged = facts.merged_persons(connection, region)
            checker = _RegionChecker(region, report, find_policy, merged)
            checker.check_postings(
                facts.unbalanced_postings(connection, region),
                facts.orphan_postings(connection, region),
                facts.odd_postings(connection, region),
                facts.wrong_checkpoints(connection, region),
            )
            checker.check_empty(
                facts.empty_postings(connection, region), facts.lost_lines(connection, region)
            )
            checker.check_carry_overs(
                facts.postings_of_kind(connection, region, PostingKind.CARRY_OVER)
            )
            checker.check_codes(facts.aimless_codes(connection, region))
            checker.check_told(connection)
            used_up = checker.check_settlements(booked_settlements(connection, region))
            balances, years = facts.standings(connection, region)
            kept: dict[Row, dict[str, int] | None] = {
                row_of_year(*key): amounts for key, amounts in years.items()
            }
            for scope, amounts in facts.windows(connection, region).items():
                kept[row_of_scope(scope)] = amounts
            checker.check_merges(
                facts.postings_of_kind(connection, region, PostingKind.MERGE),
                facts.unmoved_persons(connection, region),
                balances,
            )
            sums = facts.account_sums(connection, region)
            checker.check_persons(balances, sums)
            checker.check_differences(connection, sums)
            checker.check_used_up(used_up, kept)
    return report


def _owner(account_id: str) -> str:
    """Returns whose purse an account of the ledger is; other accounts as they are."""
    kind, _, person_id = account_id.partition(":")
    return person_id if kind in ("person", "carried") else account_id


class _RegionChecker:
    def __init__(
        self,
        region: str,
        report: LedgerReport,
        policy: Callable[[str], AnyPolicy | None],
        merged: Mapping[str, str],
    ) -> None:
        self._region = region
        self._report = report
        self._policy = policy
        self._merged = merged
        self._owed = Owed()

    def _drift(self, invariant: int, subject: str, detail: str) -> None:
        self._report.drifts.append(Drift(self._region, INVARIANTS[invariant], subject, detail))

    def check_postings(
        self,
        unbalanced: list[tuple[str, int]],
        orphans: list[str],
        odd: list[str],
        checkpoints: list[tuple[str, int, int]],
    ) -> None:
        self._report.postings_unbalanced += len(unbalanced)
        for posting_id, sum_fen in unbalanced:
            self._drift(0, posting_id, f"its entries sum to {sum_fen} fen")
        for posting_id in orphans:
            self._drift(1, posting_id, "no settlement knows it")
        for posting_id in odd:
            self._drift(1, posting_id, "it is no credit of one account from one source")
        for account_id, kept_fen, summed_fen in checkpoints:
            self._drift(3, account_id, f"keeps {kept_fen} fen, entries sum to {summed_fen}")

    def check_carry_overs(self, postings: Mapping[str, Mapping[str, int]]) -> None:
        for posting_id, amounts in postings.items():
            person_id, moved_fen = _owner(max(amounts)), max(amounts.values())
            entries = {person_account(person_id): -moved_fen, carried_account(person_id): moved_fen}
            if amounts != entries:
                self._drift(1, posting_id, "it does not carry over what one account holds")

    def check_empty(self, postings: list[str], lines: list[str]) -> None:
        for posting_id in postings:
            self._drift(1, posting_id, "it has no entries")
        for settlement_id in lines:
            self._drift(4, settlement_id, "has lines, and there is no such settlement")

    def check_codes(self, aimless: list[str]) -> None:
        for code_id in aimless:
            self._drift(7, f"code {code_id}", "was used up for no visit and no settlement")

    def check_told(self, connection: sa.Connection) -> None:
        """Checks that every posting names what it was made for, and what the audit tells.

        A row that was slipped into the audit tells nothing: its chain has to be whole.
        """
        region = self._region
        fault = check_chain(connection, tables.audit, region)
        if fault is not None:
            self._drift(10, f"row {fault.sequence} of the audit", fault.explanation)
        for posting_id in told.untold_postings(connection, region):
            self._drift(10, posting_id, "nothing tells what it was made for")
        for posting_id in told.unaudited_credits(connection, region):
            self._drift(10, posting_id, "the audit tells of no such credit")
        audited = told.audited_credits(connection, region)
        booked = told.requested_credits(connection, region)
        if audited != booked:
            self._drift(10, "credits", f"the audit tells of {audited}, booked are {booked}")
        for settlement_id in told.unaudited_reversals(connection, region):
            self._drift(10, settlement_id, "the audit tells of no such reversal by the agency")
        old, on_record = told.old_credits(connection, region)
        if old != on_record:
            self._drift(10, "credits without a request", f"are {old}, the audit tells {on_record}")

    def check_persons(self, balances: Mapping[str, Purses], sums: Mapping[str, int]) -> None:
        self._report.accounts += len(sums)
        self._report.persons += len(balances)
        for person_id, purses in balances.items():
            for account, what, holds_fen in (
                (person_account, "", purses.current_year_fen),
                (carried_account, " of earlier years", purses.carried_fen),
            ):
                summed_fen = sums.get(account(person_id), 0)
                if holds_fen != summed_fen or holds_fen < 0:
                    detail = f"holds {holds_fen} fen{what}, entries sum to {summed_fen}"
                    self._drift(2, person_id, detail)
        for account_id in sums:
            kind, _, person_id = account_id.partition(":")
            if kind in ("person", "carried") and person_id not in balances:
                self._drift(2, person_id, "has entries but no account")

    def check_used_up(self, used_up: UsedUp, kept: Mapping[Row, Mapping[str, int] | None]) -> None:
        for subject, detail in used_up.faults(kept):
            self._drift(6, subject, detail)

    def check_differences(self, connection: sa.Connection, sums: Mapping[str, int]) -> None:
        """Checks differences; what settlements come to was counted with each of them."""
        region = self._region
        orders = differences.all_orders(connection, region)
        self._owed.count_orders(orders, holder_of=self._holder_of)
        postings = differences.order_postings(connection, region)
        for posting_id in without_order(orders, postings):
            self._drift(1, posting_id, "no order was carried out by it")
        audited = differences.audited_orders(connection, region)
        for subject, detail in (
            *order_faults(orders, postings, audited),
            *self._owed.faults(sums, holder_of=self._holder_of),
        ):
            self._drift(11, subject, detail)

    def _holder_of(self, person_id: str) -> str:
        """Returns who took the account over last, or the person."""
        return [person_id, *self._later(person_id)][-1]

    def check_merges(
        self,
        postings: Mapping[str, Mapping[str, int]],
        unmoved: list[str],
        balances: Mapping[str, Purses],
    ) -> None:
        for posting_id, amounts in postings.items():
            from_ids = {_owner(each) for each in amounts if amounts[each] < 0}
            to_ids = {_owner(each) for each in amounts if amounts[each] > 0}
            if len(from_ids) != 1 or not to_ids <= set(self._later(*from_ids)):
                self._drift(9, posting_id, f"moves {dict(amounts)}")
        for person_id in unmoved:
            self._drift(9, person_id, "was merged, and nobody took the account over")
        for retired_id in self._merged:
            left_fen = balances.get(retired_id, NO_PURSES).balance_fen
            if left_fen:
                self._drift(9, retired_id, f"still holds {left_fen} fen")

    def _later(self, person_id: str) -> list[str]:
        """Returns who took the account over, and who took theirs, the last one last."""
        found: list[str] = []
        while person_id in self._merged and self._merged[person_id] not in found:
            person_id = self._merged[person_id]
            found.append(person_id)
        return found

    def check_settlements(self, settlements: Iterator[BookedSettlement]) -> UsedUp:
        """Checks each settlement; returns what they come to in years and windows."""
        used_up = UsedUp()
        for booked in settlements:
            self._report.settlements += 1
            record = booked.record
            if record is None:
                self._drift(4, booked.settlement_id, "its record cannot be read")
                continue
            policy = self._policy(record.policy_version)
            survivors = () if booked.visit is None else self._later(booked.visit.person_id)
            for invariant, detail in settlement_faults(booked, record, policy, survivors=survivors):
                self._drift(invariant, booked.settlement_id, detail)
            # A merged person's years count for who took the account over.
            holder_id = self._holder_of(record.person_id)
            for subject, detail in self._owed.count(record, holder_id=holder_id):
                self._drift(11, subject, detail)
            try:
                used_up.count(record, holder_id=holder_id)
            except InvariantError as error:
                self._drift(6, booked.settlement_id, str(error))
        return used_up
