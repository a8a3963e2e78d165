"""Closing the accounts of a benefit year: one operator proposes, another one confirms.

It comes behind the closing of the year (`rules.year.close`), since what a year's accounts held is
known once its months have ended, and who claimed once its statements are taken. Years are closed
one after the other, from the first one that somebody closes.
"""

import datetime as dt
import enum
from typing import NamedTuple

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import FieldFault, InvariantError, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.account_close.counters import CounterRules, Counters
from yibao_settlement.rules.account_close.interest import Earned, InterestRules
from yibao_settlement.rules.benefit.keeping import is_of_window, place_of
from yibao_settlement.rules.year.close import YearClose


class AccountCloseState(enum.IntEnum):
    """Where the closing of a year's accounts is; stored but for the last."""

    # Another operator is to confirm.
    PROPOSED = 1
    # Accounts are closed, person by person.
    RUNNING = 2
    # All are.
    DONE = 3


class CloseRules(NamedTuple):
    """What a file says of a close; `version` is the SHA-256 of its bytes.

    Either part may be None: then nothing earns, or nothing is counted.
    """

    version: str
    interest: InterestRules | None
    counters: CounterRules | None


class AccountSums(NamedTuple):
    """What a close comes to: persons passed, and of their accounts what they held at the end of
    the year and what they earned in it, in fen; and how many accounts earned anything.
    """

    person_count: int = 0
    account_count: int = 0
    balance_fen: int = 0
    interest_fen: int = 0

    def plus(self, other: "AccountSums") -> "AccountSums":
        """Returns the sum of two."""
        return AccountSums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class AccountCounts(NamedTuple):
    """What the checker reads: how many there are to pass, and what all accounts held, in fen."""

    person_count: int
    balance_fen: int


class AccountClose(NamedTuple):
    """That the accounts of a year are to be closed, or were.

    `rules_file` is what the maker sent, of `rules_version`. `request_id` is that of the
    confirmation, which all postings name; it, `checker` and `close_time` are None until then.
    `sums` grow while it runs, `refused_count` are persons whose account cannot be closed.
    """

    region: str
    close_id: str
    benefit_year: int
    rules_version: str
    rules_file: bytes
    counts: AccountCounts
    maker: str
    propose_time: dt.datetime
    state: AccountCloseState = AccountCloseState.PROPOSED
    checker: str | None = None
    close_time: dt.datetime | None = None
    request_id: str | None = None
    finish_time: dt.datetime | None = None


class ClosedAccount(NamedTuple):
    """What a close did with one record, once; it never changes.

    `owner_id` got the interest: who took the account over, of a record that was merged.
    `posting_id` is None where nothing was earned. `counters` are those of the year that follows,
    None where there are none.
    """

    region: str
    person_id: str
    benefit_year: int
    close_id: str
    insurance_type: str
    earned: Earned
    owner_id: str
    posting_id: str | None
    counters: Counters | None
    take_time: dt.datetime


def check_accounts_open(
    benefit_year: int, last_closed: int | None, *, going_on: int | None
) -> None:
    """Raises ACCOUNTS_CLOSED, or YEAR_OUT_OF_ORDER where an earlier year's are to be first.

    `going_on` is the year whose accounts are being closed, None where none are.
    """
    if last_closed is None:
        return
    if benefit_year <= last_closed:
        raise accounts_closed(benefit_year, last_closed)
    due = last_closed + 1 if going_on is None else going_on
    if benefit_year > due:
        raise RuleError(
            Reason.YEAR_OUT_OF_ORDER,
            f"accounts of {due} are to be closed before those of {benefit_year}",
            benefit_year=str(due),
        )


def check_rules_of_year(rules: CloseRules, benefit_year: int) -> None:
    """Raises ACCOUNT_CLOSE_FILE_INVALID where counters ask a window that is not of the year.

    No closing statement of it tells one, so that nothing would ever restart.
    """
    above = None if rules.counters is None else rules.counters.restart_above
    if above is None or not is_of_window(above.window):
        return
    try:
        year = place_of(above.window, person_id="").year
    except (InvariantError, ValueError):
        year = 0
    if year != benefit_year:
        message = f"expected a window of {benefit_year}, such as 390 year:{benefit_year} counter.ci"
        key = "rules_file counters.restart_above.window"
        refuse_faults([FieldFault(key, Reason.ACCOUNT_CLOSE_FILE_INVALID, message)])


def check_year_taken(benefit_year: int, close: YearClose | None, *, is_walked: bool) -> None:
    """Raises YEAR_NOT_TAKEN before the year's closing statements are taken.

    Those that cannot be taken are not waited for.
    """
    if close is None or close.close_time is None or not is_walked:
        raise RuleError(
            Reason.YEAR_NOT_TAKEN,
            f"closing statements of {benefit_year} are not taken",
            benefit_year=str(benefit_year),
        )


def check_account_checker(close: AccountClose, *, checker: str) -> None:
    """Raises ACCOUNTS_CLOSED where it is confirmed, SAME_MAKER_AND_CHECKER."""
    if close.state is not AccountCloseState.PROPOSED:
        raise accounts_closed(close.benefit_year, close.benefit_year)
    if is_same_operator(close.maker, checker):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "who proposed to close accounts cannot confirm it"
        )


def check_account_read(close: AccountClose, version: str, counts: AccountCounts) -> None:
    """Raises ACCOUNT_CLOSE_STATE where the checker read other rules or other sums."""
    if (version, counts) != (close.rules_version, close.counts):
        raise RuleError(
            Reason.ACCOUNT_CLOSE_STATE,
            f"accounts of {close.benefit_year} were proposed with rules {close.rules_version}, "
            f"{close.counts.person_count} persons and {close.counts.balance_fen} fen",
            rules_version=close.rules_version,
            person_count=str(close.counts.person_count),
            balance_fen=str(close.counts.balance_fen),
        )


def accounts_closed(benefit_year: int, closed_through: int) -> RuleError:
    """Returns the refusal of a year whose accounts are closed."""
    return RuleError(
        Reason.ACCOUNTS_CLOSED,
        f"accounts of benefit years through {closed_through} are closed",
        benefit_year=str(benefit_year),
        closed_through=str(closed_through),
    )


def account_close_not_found(close_id: str) -> RuleError:
    """Returns the refusal for what nobody proposed."""
    return RuleError(
        Reason.ACCOUNT_CLOSE_NOT_FOUND, f"no closing of accounts {close_id}", close_id=close_id
    )


def no_account_close(benefit_year: int) -> RuleError:
    """Returns the refusal for a year whose accounts nobody proposed to close."""
    return RuleError(
        Reason.ACCOUNT_CLOSE_NOT_FOUND,
        f"nobody proposed to close accounts of {benefit_year}",
        benefit_year=str(benefit_year),
    )


def closed_account_not_found(person_id: str, benefit_year: int) -> RuleError:
    """Returns the refusal for a person whom no close has passed."""
    return RuleError(
        Reason.CLOSED_ACCOUNT_NOT_FOUND,
        f"no close of {benefit_year} has passed person {person_id}",
        person_id=person_id,
        benefit_year=str(benefit_year),
    )
