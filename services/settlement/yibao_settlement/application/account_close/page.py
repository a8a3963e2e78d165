"""What a close does with some records in one transaction: nothing of it is stored here.

Interest is booked to who holds the account by now, as earlier years' money. What the account holds
of the year before is carried over before, as by whatever moves an account first in a year.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.ids import Ids
from yibao_settlement.application.account_close.rows import Brought, ClosePosting, PurseEntry
from yibao_settlement.rules.account import Standing, carried_over
from yibao_settlement.rules.account_close.close import (
    AccountClose,
    AccountSums,
    ClosedAccount,
    CloseRules,
)
from yibao_settlement.rules.account_close.counters import Counters, counters_after
from yibao_settlement.rules.account_close.interest import (
    BookOn,
    Change,
    Earned,
    Held,
    InterestRules,
    earned,
)
from yibao_settlement.rules.ledger import (
    INTEREST_SOURCE,
    PostingKind,
    carried_account,
    carry_over_entries,
    credit_entries,
)


@dataclass(slots=True)
class ClosePage:
    """Closes records one after the other over accounts that are locked.

    `owners` tell of records that were merged who has their account; `now` is that of the postings.
    """

    close: AccountClose
    rules: CloseRules
    accounts: dict[str, Standing]
    owners: Mapping[str, str]
    now: dt.datetime
    ids: Ids
    changed: set[str] = field(default_factory=set)
    postings: list[ClosePosting] = field(default_factory=list)
    closed: list[ClosedAccount] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    sums: AccountSums = field(default_factory=AccountSums)

    def take(self, brought: Brought) -> None:
        """Closes a record, or notes why it cannot be: others are closed all the same."""
        try:
            closed = self._closed(brought)
        except (InvariantError, RuleError, ArithmeticError, ValueError) as error:
            # Its text may hold what is stored of the person.
            self.refused[brought.person_id] = type(error).__name__
            return
        self.closed.append(closed)
        earned_ = closed.earned
        is_earning = int(closed.posting_id is not None)
        self.sums = self.sums.plus(
            AccountSums(1, is_earning, earned_.balance_fen, earned_.interest_fen)
        )

    def _closed(self, brought: Brought) -> ClosedAccount:
        close, person_id = self.close, brought.person_id
        owner_id = self.owners.get(person_id, person_id)
        made = account_year(brought, self.rules.interest, close.benefit_year)
        counters = self._counters(brought)
        posting_id = self._book(owner_id, made.interest_fen) if made.interest_fen else None
        interest = self.rules.interest
        return ClosedAccount(
            close.region,
            person_id,
            close.benefit_year,
            close.close_id,
            "" if interest is None else interest.insurance_type,
            made,
            owner_id,
            posting_id,
            counters,
            self.now,
        )

    def _counters(self, brought: Brought) -> Counters | None:
        rules = self.rules.counters
        # A merged record is nobody: the person's own counts.
        if rules is None or brought.person_id in self.owners:
            return None
        return counters_after(
            rules,
            self.close.benefit_year,
            brought.enrolments,
            before=brought.unclaimed_before,
            claimed=brought.claimed,
        )

    def _book(self, owner_id: str, interest_fen: int) -> str:
        """Books interest; returns its posting."""
        before = self.accounts.get(owner_id)
        if before is None or before.merged_into is not None:
            raise InvariantError("nobody holds an account that earned")
        over = carried_over(before, shanghai_day(self.now).year)
        moved_fen = over.carried_fen - before.carried_fen
        if moved_fen:
            entries = carry_over_entries(person_id=owner_id, amount_fen=moved_fen)
            self.postings.append(ClosePosting(self.ids(), PostingKind.CARRY_OVER, entries))
        entries = credit_entries(
            source=INTEREST_SOURCE,
            account_id=carried_account(owner_id),
            amount_fen=interest_fen,
        )
        posting_id = self.ids()
        self.postings.append(ClosePosting(posting_id, PostingKind.INTEREST, entries))
        self.accounts[owner_id] = over._replace(
            balance_fen=over.balance_fen + interest_fen,
            carried_fen=over.carried_fen + interest_fen,
        )
        self.changed.add(owner_id)
        return posting_id


def account_year(brought: Brought, rules: InterestRules | None, benefit_year: int) -> Earned:
    """Returns what a record's account held at the end of a year and earned in it.

    Raises InvariantError where its entries and what it holds do not fit.
    """
    if brought.standing is None:
        if brought.entries:
            raise InvariantError("an account has entries and nothing to be locked by")
        return earned(rules, Held(0), benefit_year)
    return earned(
        rules, held_in(brought.standing, brought.entries, rules, benefit_year), benefit_year
    )


def held_in(
    standing: Standing,
    entries: Sequence[PurseEntry],
    rules: InterestRules | None,
    benefit_year: int,
) -> Held:
    """Returns what an account held as a year began and what moved it then, by the calendar.

    `entries` are all of the year and later ones, in the order of their times: what it held before
    follows from what it holds now. The rest of the year before is carried over with the first
    movement, and is earlier years' money from 1 January on all the same. Where nothing carried it
    over, as in the year in which the ledger began to tell purses, movements take of it what this
    year's money does not cover.
    """
    first = dt.date(benefit_year, 1, 1)
    entries = [each for each in entries if _day_of(each) >= first]
    ledger_current_fen = standing.balance_fen - standing.carried_fen
    ledger_carried_fen = standing.carried_fen
    for each in entries:
        if each.is_carried:
            ledger_carried_fen -= each.amount_fen
        else:
            ledger_current_fen -= each.amount_fen
    if ledger_current_fen < 0 or ledger_carried_fen < 0:
        raise InvariantError("an account held less than nothing as the year began")
    rest_posting = _rest_posting(entries, ledger_current_fen, benefit_year)
    value_on_new_year = rules is not None and rules.book_on is BookOn.NEW_YEAR
    changes: list[Change] = []
    for each in entries:
        day = _day_of(each)
        if day.year > benefit_year or each.posting_id == rest_posting:
            continue
        if value_on_new_year and each.kind is PostingKind.INTEREST:
            day = first
        fen = each.amount_fen
        changes.append(Change(day, 0, fen) if each.is_carried else Change(day, fen, 0))
    if ledger_current_fen and not rest_posting:
        changes = _covered(changes)
    return Held(ledger_current_fen + ledger_carried_fen, changes)


def _covered(changes: Sequence[Change]) -> list[Change]:
    """Returns changes that take of earlier years' money what this year's does not cover."""
    found: list[Change] = []
    held_fen = 0
    for day, current_fen, carried_fen in changes:
        short_fen = max(0, -(held_fen + current_fen))
        held_fen += current_fen + short_fen
        found.append(Change(day, current_fen + short_fen, carried_fen - short_fen))
    return found


def _day_of(entry: PurseEntry) -> dt.date:
    if entry.post_time is None:
        raise InvariantError("of a posting nothing tells when it was made")
    return shanghai_day(entry.post_time)


def _rest_posting(entries: Sequence[PurseEntry], rest_fen: int, benefit_year: int) -> str:
    """Returns the posting that carries over what the year before left, empty where none does."""
    if not rest_fen:
        return ""
    for each in entries:
        if (
            each.kind is PostingKind.CARRY_OVER
            and not each.is_carried
            and each.amount_fen == -rest_fen
        ):
            is_of_year = _day_of(each).year == benefit_year
            return each.posting_id if is_of_year else ""
    return ""
