"""What moves between funds, purses and a person when a settled bill is decided again.

A settlement is told in two columns. The counter's is what its institution showed, took and
is owed; only that institution's acts move it. The effective one is what the bill costs whom
now, after the bills before it that stand. What lies between them is owed by funds to the
person or by the person to funds; no institution takes part in it.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple

from yibao_settlement.rules.account import NO_PURSES, Purses
from yibao_settlement.rules.ledger import (
    Entry,
    balanced,
    carried_account,
    difference_account,
    due_account,
    person_account,
)


class Cause(enum.IntEnum):
    """Why a settlement's effective column moved; stored with each adjustment."""

    # An earlier bill, or the settlement itself, was reversed.
    REVERSAL = 1
    # Lines of an earlier bill, or of the settlement itself, were returned.
    REFUND = 2
    # An earlier bill, or the settlement itself, was corrected.
    CORRECTION = 3
    # An earlier bill was held, and released or ran out.
    RELEASE = 4
    # The person's record and another one were merged: the bills of both became one person's.
    MERGE = 5
    # The person's bills were decided again in their order, which had gone wrong before.
    REPAIR = 6
    # The bill, or an earlier one of the person, was repriced: it got the terms of its days by now.
    REPRICE = 7


class Borne(NamedTuple):
    """Who bears how much of a bill, in fen.

    `payers` are funds and bearers by the names of their accounts, arrears included, which are
    no part of the bill.
    """

    payers: Mapping[str, int]
    account_fen: int
    cash_fen: int
    arrears_fen: int = 0


class Columns(NamedTuple):
    """Who bears how much of a bill: as the counter told, and in effect.

    `moved_fen` is what of that between them was moved into the account already.
    """

    counter: Borne
    effective: Borne
    moved_fen: int = 0

    def between(self, person_id: str) -> dict[str, int]:
        """Returns what lies between the columns by account, in fen, as it has been posted.

        What a purse has paid too much is due to that purse, and never turns into cash.
        """
        counter, effective, moved_fen = self
        found = {
            account_id: counter.payers.get(account_id, 0) - effective.payers.get(account_id, 0)
            for account_id in {*counter.payers, *effective.payers}
        }
        due_fen = counter.account_fen - moved_fen - effective.account_fen
        found[due_account(person_id)] = due_fen
        found[difference_account(person_id)] = (
            counter.cash_fen - effective.cash_fen + effective.arrears_fen - counter.arrears_fen
        )
        return found


def adjustment_entries(
    before: Columns, after: Columns, *, person_id: str, taken: Purses = NO_PURSES
) -> tuple[Entry, ...]:
    """Returns the entries that post what lies between two columns more or less than before.

    `taken` is what was moved before, and is taken out of the account again. None where
    nothing moves.
    """
    was, lies = before.between(person_id), after.between(person_id)
    moved = {
        account_id: lies.get(account_id, 0) - was.get(account_id, 0)
        for account_id in sorted({*was, *lies})
    }
    moved[person_account(person_id)] = -taken.current_year_fen
    moved[carried_account(person_id)] = -taken.carried_fen
    return balanced([Entry(account_id, fen) for account_id, fen in moved.items() if fen])


def effective_account_fen(
    personal_fen: int,
    *,
    counter_account_fen: int,
    counter_personal_fen: int,
    moved_fen: int = 0,
) -> int:
    """Returns what the account bears of `personal_fen`, the person's own part now.

    What the person bears less goes back to the account first, as what a bill returns does
    (account_first); what the person bears more is cash: no balance of today pays it. What was
    moved into the account stays there.
    """
    less_fen = max(counter_personal_fen - personal_fen, 0)
    most_fen = counter_account_fen - moved_fen
    return min(max(counter_account_fen - less_fen, 0), most_fen, personal_fen)


def move_entries(purses: Purses, *, person_id: str) -> tuple[Entry, ...]:
    """Returns the entries that move what is due to an account into its purses."""
    amounts = {
        due_account(person_id): -purses.balance_fen,
        person_account(person_id): purses.current_year_fen,
        carried_account(person_id): purses.carried_fen,
    }
    return balanced([Entry(account_id, fen) for account_id, fen in amounts.items() if fen])


def taken_fen(moved_fen: int, *, returned_fen: int) -> int:
    """Returns what of a bill's moved money is taken out of the account again.

    `returned_fen` is what the institution gives back to the account: so much of it as was
    moved before is there already.
    """
    return min(moved_fen, max(returned_fen, 0))


def purses_taken(fen: int, *, carried_back_fen: int) -> Purses:
    """Returns out of which purses so much is taken again.

    The institution gives back no less at the same time, `carried_back_fen` of it as money of
    earlier years, so that no purse has to hold anything before.
    """
    carried_fen = min(fen, carried_back_fen)
    return Purses(fen - carried_fen, carried_fen)


def purses_moved(fen: int, *, moved_fen: int, carried_paid_fen: int, is_year_over: bool) -> Purses:
    """Returns into which purses so much of a bill goes, of which `moved_fen` was moved before.

    `carried_paid_fen` is what the bill took of earlier years' money, and comes back first. What
    was money of the bill's own year is of an earlier one by now, where that year is over.
    """
    carried_fen = fen
    if not is_year_over:
        carried_fen = min(moved_fen + fen, carried_paid_fen) - min(moved_fen, carried_paid_fen)
    return Purses(fen - carried_fen, carried_fen)
