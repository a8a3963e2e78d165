"""What moves between funds, purses and a person when a settled bill is decided again.

A settlement is told in two columns. The counter's is what its institution showed, took and
is owed; only that institution's acts move it. The effective one is what the bill costs whom
now, after the bills before it that stand. What lies between them is owed by funds to the
person or by the person to funds; no institution takes part in it.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple

from yibao_settlement.rules.ledger import Entry, balanced, difference_account, due_account


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
    """Who bears how much of a bill: as the counter told, and in effect."""

    counter: Borne
    effective: Borne

    def between(self, person_id: str) -> dict[str, int]:
        """Returns what lies between the columns by account, in fen, as it has been posted.

        What a purse has paid too much is due to that purse, and never turns into cash.
        """
        counter, effective = self
        found = {
            account_id: counter.payers.get(account_id, 0) - effective.payers.get(account_id, 0)
            for account_id in sorted({*counter.payers, *effective.payers})
        }
        found[due_account(person_id)] = counter.account_fen - effective.account_fen
        found[difference_account(person_id)] = (
            counter.cash_fen - effective.cash_fen + effective.arrears_fen - counter.arrears_fen
        )
        return found


def adjustment_entries(before: Columns, after: Columns, *, person_id: str) -> tuple[Entry, ...]:
    """Returns the entries that post what lies between two columns more or less than before.

    None where nothing moves.
    """
    was, lies = before.between(person_id), after.between(person_id)
    moved = {
        account_id: lies.get(account_id, 0) - was.get(account_id, 0)
        for account_id in sorted({*was, *lies})
    }
    return balanced([Entry(account_id, fen) for account_id, fen in moved.items() if fen])


def effective_account_fen(
    personal_fen: int, *, counter_account_fen: int, counter_personal_fen: int
) -> int:
    """Returns what the account bears of `personal_fen`, the person's own part now.

    What the person bears less goes back to the account first, as what a bill returns does
    (account_first); what the person bears more is cash: no balance of today pays it.
    """
    less_fen = max(counter_personal_fen - personal_fen, 0)
    return min(max(counter_account_fen - less_fen, 0), personal_fen)
