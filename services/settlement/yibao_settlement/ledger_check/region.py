"""What the ledger checker examines of a region that is of no single person."""

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from yibao_common.db.audit_chain import check_chain
from yibao_settlement.ledger_check.account_close import account_close_drifts
from yibao_settlement.ledger_check.credit import (
    closing_faults,
    receivable_faults,
    stray_faults,
    transfer_faults,
    waiting_faults,
)
from yibao_settlement.ledger_check.credit import order_faults as order_faults_of_accounts
from yibao_settlement.ledger_check.declaration import declaration_faults
from yibao_settlement.ledger_check.difference import order_faults, without_order
from yibao_settlement.ledger_check.family import payment_faults
from yibao_settlement.ledger_check.override import override_faults
from yibao_settlement.ledger_check.period import period_faults
from yibao_settlement.ledger_check.report import (
    CREDITS,
    FAMILY_POSTED,
    INVARIANTS,
    ORDERS_OF_ACCOUNTS,
    Drift,
    LedgerReport,
)
from yibao_settlement.ledger_check.year import YearChecker, chain_faults, year_faults
from yibao_settlement.rules.difference_order import DifferenceOrder
from yibao_settlement.rules.ledger import PostingKind, carried_account, person_account
from yibao_settlement.storage import tables
from yibao_settlement.storage.credit import booked as credits
from yibao_settlement.storage.difference import booked as differences
from yibao_settlement.storage.family.booked import booked_payments
from yibao_settlement.storage.hold import booked as holds
from yibao_settlement.storage.ledger import facts, refunds, told
from yibao_settlement.storage.ledger.entries import EntryReader
from yibao_settlement.storage.ledger.person import later_of
from yibao_settlement.storage.outcome import booked as fenced
from yibao_settlement.storage.override import booked as overrides
from yibao_settlement.storage.period import booked as periods
from yibao_settlement.storage.token import booked as tokens
from yibao_settlement.storage.transfer import record as transfers
from yibao_settlement.storage.year import booked as years
from yibao_settlement.storage.year.statement import rows_in_order


def _owner(account_id: str) -> str:
    """Returns whose purse an account of the ledger is; other accounts as they are."""
    kind, _, person_id = account_id.partition(":")
    return person_id if kind in ("person", "carried") else account_id


class RegionChecker:
    """Examines postings, checkpoints, codes, merges and the audit of a region."""

    def __init__(
        self,
        connection: sa.Connection,
        region: str,
        report: LedgerReport,
        merged: Mapping[str, str],
    ) -> None:
        """Takes who took over whose account."""
        self._connection = connection
        self._region = region
        self._report = report
        self._merged = merged

    def check(self, orders: Sequence[DifferenceOrder], years: YearChecker) -> None:
        """Examines all but what has to be read with the persons.

        `orders` are all that settled a difference of anybody; `years` knows the closed years.
        """
        self._report.accounts += facts.count_accounts(self._connection, self._region)
        self._check_postings()
        self._check_carry_overs()
        self._check_told()
        self._check_merges()
        self._check_strays()
        self._check_orders(orders)
        self._check_holds()
        self._check_periods()
        self._check_overrides()
        self._check_years(years)
        self._report.drifts += account_close_drifts(self._connection, self._region)
        self._check_credits()
        for number, subject, detail in declaration_faults(self._connection, self._region):
            self._drift(number, subject, detail)
        self._check_family()
        for request_id, table in fenced.booked_requests(self._connection, self._region):
            self._drift(23, f"request {request_id}", f"was told as not booked, and is of a {table}")

    def check_read(self, entries: EntryReader, years: YearChecker) -> None:
        """Checks that all entries of settlements were read with one that owes them.

        And that the statements of closed years come to what the persons' bills posted.
        """
        for subject, detail in years.faults_of_all():
            self._drift(22, subject, detail)
        for account_id, count in entries.unread():
            self._drift(5, account_id, f"has {count} entries that no settlement owes")

    def _drift(self, invariant: int, subject: str, detail: str) -> None:
        self._report.drifts.append(Drift(self._region, INVARIANTS[invariant], subject, detail))

    def _check_postings(self) -> None:
        connection, region = self._connection, self._region
        unbalanced = facts.unbalanced_postings(connection, region)
        self._report.postings_unbalanced += len(unbalanced)
        for posting_id, sum_fen in unbalanced:
            self._drift(0, posting_id, f"its entries sum to {sum_fen} fen")
        for posting_id in facts.orphan_postings(connection, region):
            self._drift(1, posting_id, "no settlement knows it")
        for posting_id in facts.odd_postings(connection, region):
            self._drift(1, posting_id, "it is no credit of one account from one source")
        for posting_id in facts.empty_postings(connection, region):
            self._drift(1, posting_id, "it has no entries")
        for account_id, kept_fen, summed_fen in facts.wrong_checkpoints(connection, region):
            self._drift(3, account_id, f"keeps {kept_fen} fen, entries sum to {summed_fen}")
        for settlement_id in facts.lost_lines(connection, region):
            self._drift(4, settlement_id, "has lines, and there is no such settlement")
        for settlement_id in facts.lost_moves(connection, region):
            detail = "was moved into an account, and there is no such settlement"
            self._drift(11, settlement_id, detail)
        for code_id in facts.aimless_codes(connection, region):
            self._drift(7, f"code {code_id}", "was used up for no visit and no settlement")
        for resolution_id in tokens.odd_uses(connection, region):
            detail = "its token was used without a code behind it, or for nothing that is there"
            self._drift(24, f"resolution {resolution_id}", detail)
        for resolution_id in tokens.unaudited_uses(connection, region):
            detail = "its token was used, and the audit does not tell of it"
            self._drift(24, f"resolution {resolution_id}", detail)

    def _check_carry_overs(self) -> None:
        postings = facts.postings_of_kind(self._connection, self._region, PostingKind.CARRY_OVER)
        for posting_id, amounts in postings.items():
            person_id, moved_fen = _owner(max(amounts)), max(amounts.values())
            entries = {person_account(person_id): -moved_fen, carried_account(person_id): moved_fen}
            if amounts != entries:
                self._drift(1, posting_id, "it does not carry over what one account holds")

    def _check_told(self) -> None:
        """Checks that every posting names what it was made for, and what the audit tells.

        A row that was slipped into the audit tells nothing: its chain has to be whole.
        """
        connection, region = self._connection, self._region
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
        for settlement_id in refunds.unaudited_refunds(connection, region):
            self._drift(10, settlement_id, "the audit tells of no such refund by the agency")
        for settlement_id in refunds.refunds_posted_otherwise(connection, region):
            self._drift(10, settlement_id, "its refund is not of the request that posted it")
        old, on_record = told.old_credits(connection, region)
        if old != on_record:
            self._drift(10, "credits without a request", f"are {old}, the audit tells {on_record}")

    def _check_merges(self) -> None:
        connection, region = self._connection, self._region
        postings = facts.postings_of_kind(connection, region, PostingKind.MERGE)
        for posting_id, amounts in postings.items():
            from_ids = {_owner(each) for each in amounts if amounts[each] < 0}
            to_ids = {_owner(each) for each in amounts if amounts[each] > 0}
            if len(from_ids) != 1 or not to_ids <= set(later_of(self._merged, *from_ids)):
                self._drift(9, posting_id, f"moves {dict(amounts)}")
        for person_id in facts.unmoved_persons(connection, region):
            self._drift(9, person_id, "was merged, and nobody took the account over")

    def _check_orders(self, orders: Sequence[DifferenceOrder]) -> None:
        postings = differences.order_postings(self._connection, self._region)
        for posting_id in without_order(orders, postings):
            self._drift(1, posting_id, "no order was carried out by it")
        audited = differences.audited_orders(self._connection, self._region)
        for subject, detail in order_faults(orders, postings, audited):
            self._drift(11, subject, detail)

    def _check_holds(self) -> None:
        for hold_id in holds.odd_ends(self._connection, self._region):
            self._drift(18, hold_id, "its state is not what ended it")
        for hold_id in holds.unlike_quotes(self._connection, self._region):
            detail = "is confirmed, and no settlement at its place is of the sums quoted"
            self._drift(18, hold_id, detail)
        for hold_id in holds.holds_without_request(self._connection, self._region):
            self._drift(18, hold_id, "no request is kept to have held it")
        for request_id in holds.odd_requests(self._connection, self._region):
            detail = "is kept to have held what it did not, or to be held and released at once"
            self._drift(18, f"request {request_id}", detail)

    def _check_periods(self) -> None:
        connection, region = self._connection, self._region
        for posting_id in periods.postings_of_other_months(connection, region):
            self._drift(19, posting_id, "has entries of another month than that of its time")
        for posting_id in periods.postings_that_refer_wrongly(connection, region):
            self._drift(19, posting_id, "refers to another month than that of what it changes")
        for subject, detail in period_faults(
            periods.closed_periods(connection, region),
            periods.kept_sums(connection, region),
            periods.booked_sums(connection, region),
            periods.audited_closes(connection, region),
            ended_month=periods.ended_month(connection, region),
        ):
            self._drift(19, subject, detail)

    def _check_overrides(self) -> None:
        connection, region = self._connection, self._region
        known = overrides.all_overrides(connection, region)
        taken_back = overrides.taken_back(connection, region, known)
        audited = overrides.audited_overrides(connection, region)
        for subject, detail in override_faults(known, taken_back, audited):
            self._drift(21, subject, detail)

    def _check_years(self, checker: YearChecker) -> None:
        connection, region = self._connection, self._region
        faults = year_faults(
            checker.closes,
            *years.audited_years(connection, region),
            years.years_with_statements(connection, region),
        )
        for subject, detail in faults:
            self._drift(22, subject, detail)
        for close, taking in checker.closes:
            if taking is None:
                continue
            rows = rows_in_order(connection, region, close.benefit_year)
            for subject, detail in chain_faults(taking, rows, f"year {close.benefit_year}"):
                self._drift(22, subject, detail)

    def _check_credits(self) -> None:
        connection, region = self._connection, self._region
        found = [
            (each, "no row tells of it") for each in credits.untold_credits(connection, region)
        ]
        for each in credits.unposted_credits(connection, region):
            found.append((each, "is booked, and no posting is of its person, amount and source"))
        for each in credits.odd_credits(connection, region):
            found.append((each, "its state is not what became of it"))
        last = {each: later_of(self._merged, each)[-1] for each in self._merged}
        for person_id, allocation_id in credits.odd_allocated(connection, region, last):
            found.append((person_id, f"was not credited as allocation {allocation_id} tells"))
        self._tell(CREDITS, found)
        orders = credits.all_orders(connection, region)
        of_orders = {each.credit_id: each for each in credits.corrected_credits(connection, region)}
        posted = credits.posted_of_orders(connection, region)
        moved = transfers.all_transfers(connection, region)
        audited = credits.audited_orders(connection, region)
        self._tell(ORDERS_OF_ACCOUNTS, order_faults_of_accounts(orders, of_orders, posted, audited))
        self._tell(ORDERS_OF_ACCOUNTS, stray_faults(orders, posted))
        self._tell(ORDERS_OF_ACCOUNTS, receivable_faults(posted, last))
        self._tell(ORDERS_OF_ACCOUNTS, waiting_faults(orders, of_orders))
        closed = credits.closings(connection, region)
        self._tell(ORDERS_OF_ACCOUNTS, closing_faults(orders, moved, closed))
        arrived = credits.credits_named(connection, region, [each.credit_id for each in moved])
        others = transfers.other_ends(connection, region, moved)
        self._tell(ORDERS_OF_ACCOUNTS, transfer_faults(moved, arrived, posted, others))

    def _tell(self, invariant: str, faults: Iterable[tuple[str, str]]) -> None:
        drifts = self._report.drifts
        drifts += [Drift(self._region, invariant, subject, detail) for subject, detail in faults]

    def _check_family(self) -> None:
        for payments, posted in booked_payments(self._connection, self._region):
            for subject, detail in payment_faults(payments, posted):
                drift = Drift(self._region, FAMILY_POSTED, subject, detail)
                self._report.drifts.append(drift)

    def _check_strays(self) -> None:
        """Tells of accounts and windows that are of nobody who is examined."""
        for person_id in facts.accounts_of_nobody(self._connection, self._region):
            self._drift(2, person_id, "has entries but no account")
        for scope in facts.stray_windows(self._connection, self._region):
            self._drift(6, f"windows of {scope}", "are of no stay and no person")
