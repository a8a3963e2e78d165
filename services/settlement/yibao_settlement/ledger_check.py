"""The ledger checker: proves on the live database that the books are right.

It trusts nothing that the engine kept: every figure is derived again from the entries
and the stored settlements, in one snapshot. `yibao doctor --ledger` prints its report.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.values.errors import RuleError
from yibao_common.values.money import line_amount_fen
from yibao_settlement.application.settlement.explain import settled_again
from yibao_settlement.application.settlement.record import SettlementRecord, amounts_by_fund
from yibao_settlement.rules.account import accumulate
from yibao_settlement.rules.ledger import (
    Entry,
    opposite,
    person_account,
    settlement_entries,
)
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.storage.ledger import facts, told
from yibao_settlement.storage.ledger.facts import BookedSettlement
from yibao_settlement.storage.reference import ReferenceCache


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is not as it must be."""

    region: str
    invariant: str
    subject: str
    detail: str


@dataclass(slots=True)
class LedgerReport:
    """What was examined, and every drift found."""

    settlements: int = 0
    postings_unbalanced: int = 0
    accounts: int = 0
    persons: int = 0
    drifts: list[Drift] = field(default_factory=list)


INVARIANTS = (
    "the entries of every posting sum to zero",
    "every posting belongs to a settlement, a reversal, a credit or a merge",
    "every personal account equals the sum of its entries and is not negative",
    "every checkpoint equals the sum of its entries",
    "the lines of every settlement sum to its bill, and its parts to its total",
    "the entries of every settlement are those of its amounts; a reversal mirrors them",
    "the accumulators of every person's year are those of its settlements",
    "every settlement used up one code",
    "every settlement comes out the same when it is calculated again",
    "every merge moves money to who took the account over, and leaves the other empty",
    "every posting tells what it was made for, and the audit tells of every credit",
)


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
            checker.check_told(connection)
            years = checker.check_settlements(facts.booked_settlements(connection, region))
            balances, stored_years = facts.standings(connection, region)
            checker.check_merges(
                facts.merge_postings(connection, region),
                facts.unmoved_persons(connection, region),
                balances,
            )
            checker.check_persons(
                balances, facts.account_sums(connection, region), stored_years, years
            )
    return report


Years = dict[tuple[str, int], dict[str, int]]


class _RegionChecker:
    def __init__(
        self,
        region: str,
        report: LedgerReport,
        policy: Callable[[str], Policy | None],
        merged: Mapping[str, str],
    ) -> None:
        self._region = region
        self._report = report
        self._policy = policy
        self._merged = merged

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

    def check_told(self, connection: sa.Connection) -> None:
        """Checks that every posting names what it was made for, and the audit each credit."""
        region = self._region
        for posting_id in told.untold_postings(connection, region):
            self._drift(10, posting_id, "nothing tells what it was made for")
        for posting_id in told.unaudited_credits(connection, region):
            self._drift(10, posting_id, "the audit tells of no such credit")
        audited = told.audited_credits(connection, region)
        booked = told.requested_credits(connection, region)
        if audited != booked:
            self._drift(10, "credits", f"the audit tells of {audited}, booked are {booked}")
        old, on_record = told.old_credits(connection, region)
        if old != on_record:
            self._drift(10, "credits without a request", f"are {old}, the audit tells {on_record}")

    def check_persons(
        self,
        balances: Mapping[str, int],
        sums: Mapping[str, int],
        stored_years: Mapping[tuple[str, int], Mapping[str, int]],
        years: Years,
    ) -> None:
        self._report.accounts += len(sums)
        self._report.persons += len(balances)
        for person_id, balance_fen in balances.items():
            summed_fen = sums.get(person_account(person_id), 0)
            if balance_fen != summed_fen or balance_fen < 0:
                self._drift(2, person_id, f"holds {balance_fen} fen, entries sum to {summed_fen}")
        for account_id in sums:
            kind, _, person_id = account_id.partition(":")
            if kind == "person" and person_id not in balances:
                self._drift(2, person_id, "has entries but no account")
        for key in sorted(years.keys() | stored_years.keys()):
            derived, stored = years.get(key, {}), dict(stored_years.get(key, {}))
            if derived != stored:
                self._drift(6, f"{key[0]} in {key[1]}", f"keeps {stored}, derived {derived}")

    def check_merges(
        self,
        postings: Mapping[str, Mapping[str, int]],
        unmoved: list[str],
        balances: Mapping[str, int],
    ) -> None:
        for posting_id, amounts in postings.items():
            from_ids = [each.removeprefix("person:") for each in amounts if amounts[each] < 0]
            to_ids = [each.removeprefix("person:") for each in amounts if amounts[each] > 0]
            if len(from_ids) != 1 or not set(to_ids) <= set(self._later(from_ids[0])):
                self._drift(9, posting_id, f"moves {dict(amounts)}")
        for person_id in unmoved:
            self._drift(9, person_id, "was merged, and nobody took the account over")
        for retired_id in self._merged:
            if balances.get(retired_id):
                self._drift(9, retired_id, f"still holds {balances[retired_id]} fen")

    def _later(self, person_id: str) -> list[str]:
        """Returns who took the account over, and who took theirs, the last one last."""
        found: list[str] = []
        while person_id in self._merged and self._merged[person_id] not in found:
            person_id = self._merged[person_id]
            found.append(person_id)
        return found

    def check_settlements(self, settlements: Iterator[BookedSettlement]) -> Years:
        """Checks each settlement; returns the accumulators that they come to."""
        years: Years = {}
        for booked in settlements:
            self._report.settlements += 1
            record = booked.record
            if record is None:
                self._drift(4, booked.settlement_id, "its record cannot be read")
                continue
            self._check_entries(booked, record)
            self._check_record(booked, record)
            # A merged person's years count for who took the account over.
            holder_id = [record.person_id, *self._later(record.person_id)][-1]
            key = (holder_id, booked.benefit_year)
            if record.reversal is None and record.accumulations:
                years[key] = accumulate(years.get(key, {}), record.accumulations.items())
            elif key not in years:
                # Stored, and empty once everything in it is reversed.
                years.setdefault(key, {})
        return years

    def _check_entries(self, booked: BookedSettlement, record: SettlementRecord) -> None:
        subject = booked.settlement_id
        entries = _entries_owed(record)
        if booked.posted != _amounts(entries):
            self._drift(5, subject, f"posted {dict(booked.posted)}, owes {_amounts(entries)}")
        mirrored = {} if record.reversal is None else _amounts(opposite(entries))
        if booked.taken_back != mirrored:
            self._drift(5, subject, f"took back {dict(booked.taken_back)}, not {mirrored}")

    def _check_record(self, booked: BookedSettlement, record: SettlementRecord) -> None:
        subject = booked.settlement_id
        if booked.code_uses != 1:
            self._drift(7, subject, f"has {booked.code_uses} codes used up")
        for fault in (*_sum_faults(record), *_party_faults(record, booked)):
            self._drift(4, subject, fault)
        policy = self._policy(record.policy_version)
        if policy is None:
            self._drift(8, subject, f"policy {record.policy_version} is not stored")
            return
        try:
            split = settled_again(record, policy)
        except RuleError as error:
            self._drift(8, subject, error.message)
            return
        for name, kept, derived in (
            ("as used up of the year", record.accumulations, dict(split.accumulations)),
            ("as paid by the funds", record.fund_payments, split.fund_payments),
            ("as lines", record.lines, split.lines),
        ):
            if kept != derived:
                self._drift(8, subject, f"keeps {kept} {name}, not {derived}")


def _amounts(entries: tuple[Entry, ...]) -> dict[str, int]:
    return {entry.account_id: entry.amount_fen for entry in entries}


def _entries_owed(record: SettlementRecord) -> tuple[Entry, ...]:
    return settlement_entries(
        amounts_by_fund(record.fund_payments),
        person_id=record.person_id,
        account_fen=record.account_fen,
        institution_id=record.institution_id,
    )


def _sum_faults(record: SettlementRecord) -> Iterator[str]:
    """Yields what does not add up in a stored settlement."""
    parts = ("excluded_fen", "over_limit_fen", "prepay_fen", "eligible_fen")
    for name, part in (("total_fen", "amount_fen"), *((part, part) for part in parts)):
        lines_fen = sum(getattr(line, part) for line in record.lines)
        if lines_fen != getattr(record, name):
            yield f"lines have {lines_fen} fen of {name}, the bill {getattr(record, name)}"
    for line in record.lines:
        # Settlements of before prices were kept have none.
        if line.unit_price and line.amount_fen != line_amount_fen(
            unit_price=line.unit_price, quantity=line.quantity
        ):
            charged = f"{line.unit_price} x {line.quantity}"
            yield f"line {line.line_number} is {charged}, and has {line.amount_fen} fen"
    if sum(getattr(record, part) for part in parts) != record.total_fen:
        yield "excluded, over limit, prepay and eligible do not sum to the total"
    if sum(payment.amount_fen for payment in record.fund_payments) != record.fund_total_fen:
        yield "what the funds pay does not sum"
    if record.fund_total_fen + record.personal_total_fen != record.total_fen:
        yield "the funds and the person do not bear the total"


def _party_faults(record: SettlementRecord, booked: BookedSettlement) -> Iterator[str]:
    """Yields whom a stored settlement concerns other than the rest of it says."""
    if record.entries != _entries_owed(record):
        yield f"its record tells entries {record.entries}, not {_entries_owed(record)}"
    if booked.visit_parties != (record.person_id, record.institution_id):
        yield f"its visit is of {booked.visit_parties}"
    if booked.benefit_year != record.benefit_year:
        yield f"it counts for {booked.benefit_year}, its service date is {record.service_date}"
