"""What operators do with the accounts of a year: one proposes to close them, another confirms.

The rules of interest and counters come with the proposal, so that the checker approves them with
the sums that they work on. Accounts are closed behind the confirmation (`run`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_settlement.application.account_close.run import ReadRules
from yibao_settlement.rules.account_close.close import (
    AccountClose,
    AccountCloseState,
    AccountCounts,
    AccountSums,
    CloseRules,
    account_close_not_found,
    check_account_checker,
    check_account_read,
    check_accounts_open,
    check_rules_of_year,
    check_year_taken,
    no_account_close,
)

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

CONFIRM_METHOD = "ConfirmAccountClose"


class ToldClose(NamedTuple):
    """A closing of accounts as it is: what it comes to by now, and whom it could not close."""

    close: AccountClose
    rules: CloseRules
    sums: AccountSums = AccountSums()
    refused_count: int = 0


Encode = Callable[[ToldClose], bytes]


@dataclass(frozen=True, slots=True)
class ProposeAccountClose:
    """Proposes that accounts of a year are closed by the rules of a file."""

    request: Request
    benefit_year: int
    rules_file: bytes


@dataclass(frozen=True, slots=True)
class ConfirmAccountClose:
    """Confirms what was proposed; the rest is what the checker read."""

    request: Request
    close_id: str
    rules_version: str
    read: AccountCounts


class AccountCloses:
    """Closes and reads accounts of years. Blocks."""

    def __init__(
        self, transactions: "Transactions[Work]", *, read_rules: ReadRules, clock: Clock, ids: Ids
    ) -> None:
        """Takes what begins transactions and what reads files of rules."""
        self._transactions = transactions
        self._read_rules = read_rules
        self._clock = clock
        self._ids = ids

    def propose(self, command: ProposeAccountClose, encode: Encode) -> bytes:
        """Proposes to close accounts, once by request id, and returns the answer's bytes.

        Raises:
            RuleError: ACCOUNT_CLOSE_FILE_INVALID, REQUEST_ID_REUSED, YEAR_NOT_TAKEN,
                ACCOUNTS_CLOSED, YEAR_OUT_OF_ORDER; in this order.
        """
        rules = self._read_rules(command.rules_file)
        region, year = command.request.region, command.benefit_year
        check_rules_of_year(rules, year)
        with self._transactions.read(region) as work:
            # Without a lock: nothing is posted any more in a year that is closed.
            counts = work.account_closes.counts(year)
        return self._transactions.once(
            command.request, lambda work: encode(self._propose(work, command, rules, counts))
        )

    def confirm(self, command: ConfirmAccountClose, encode: Encode) -> bytes:
        """Closes accounts once by request id and returns the answer's bytes.

        Raises:
            RuleError: ACCOUNT_CLOSE_NOT_FOUND, REQUEST_ID_REUSED, ACCOUNTS_CLOSED,
                SAME_MAKER_AND_CHECKER, YEAR_OUT_OF_ORDER, ACCOUNT_CLOSE_STATE; in this order.
        """
        with self._transactions.read(command.request.region) as work:
            if work.account_closes.find(command.close_id) is None:
                raise account_close_not_found(command.close_id)
        return self._transactions.once(
            command.request, lambda work: encode(self._confirm(work, command))
        )

    def find(self, region: str, benefit_year: int) -> ToldClose:
        """Returns what closed a year's accounts, or was proposed last.

        Raises RuleError ACCOUNT_CLOSE_NOT_FOUND where nobody proposed anything.
        """
        with self._transactions.read(region) as work:
            close = work.account_closes.newest(benefit_year)
            if close is None:
                raise no_account_close(benefit_year)
            return self._told(work, close)

    def _told(self, work: "Work", close: AccountClose) -> ToldClose:
        rules = self._read_rules(close.rules_file)
        return ToldClose(close, rules, *work.account_closes.sums(close))

    def _propose(
        self,
        work: "Work",
        command: ProposeAccountClose,
        rules: CloseRules,
        counts: AccountCounts,
    ) -> ToldClose:
        request, year = command.request, command.benefit_year
        # Who closes accounts waits for others who do.
        work.periods.lock()
        closed = work.years.newest(year)
        is_walked = closed is not None and work.years.taking(closed.close_id).is_walked
        check_year_taken(year, closed, is_walked=is_walked)
        self._check_open(work, year)
        close = AccountClose(
            request.region,
            self._ids(),
            year,
            rules.version,
            command.rules_file,
            counts,
            request.caller.path,
            self._clock(),
        )
        work.account_closes.insert(close)
        self._put_on_record(work, request, close)
        return ToldClose(close, rules)

    def _confirm(self, work: "Work", command: ConfirmAccountClose) -> ToldClose:
        request, checker = command.request, command.request.caller.path
        # Bills are decided by counters from now on: every process has to ask for them.
        work.reference.raise_epoch()
        work.periods.lock()
        proposed = work.account_closes.find(command.close_id)
        assert proposed is not None, "what was proposed never goes away"
        check_account_checker(proposed, checker=checker)
        # Another proposal for the same year may have been confirmed.
        self._check_open(work, proposed.benefit_year)
        check_account_read(proposed, command.rules_version, command.read)
        close = proposed._replace(
            state=AccountCloseState.RUNNING,
            checker=checker,
            close_time=self._clock(),
            request_id=request.request_id,
        )
        work.account_closes.close(close)
        self._put_on_record(work, request, close, maker=close.maker)
        return self._told(work, close)

    @staticmethod
    def _check_open(work: "Work", benefit_year: int) -> None:
        going_on = [each.benefit_year for each in work.account_closes.going_on()]
        last_closed = work.account_closes.last_closed()
        check_accounts_open(benefit_year, last_closed, going_on=min(going_on, default=None))

    def _put_on_record(
        self, work: "Work", request: Request, close: AccountClose, **more: str
    ) -> None:
        detail = {
            "close": close.close_id,
            "benefit_year": str(close.benefit_year),
            "rules": close.rules_version,
            "persons": str(close.counts.person_count),
            "balance_fen": str(close.counts.balance_fen),
            **more,
        }
        work.audit.add(
            entry_of(request, at=self._clock(), subject_ids=(close.close_id,), detail=detail)
        )
